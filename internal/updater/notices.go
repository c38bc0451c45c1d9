package updater

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// noticeEvery is how often one kind of failure is worth a line.
const noticeEvery = time.Minute

// notices writes a line when calls begin to fail in some way, and one a minute
// while they go on failing so, with how many there were.
type notices struct {
	log *zap.Logger

	mu    sync.Mutex
	kinds map[string]*notice // by code: the API's codes are few; bounded all the same
}

type notice struct {
	written time.Time
	silent  int
}

const maxNotices = 64

func (n *notices) failed(code, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kinds == nil || len(n.kinds) > maxNotices {
		n.kinds = make(map[string]*notice)
	}
	k := n.kinds[code]
	if k == nil {
		k = &notice{}
		n.kinds[code] = k
	}
	k.silent++
	if now := time.Now(); now.Sub(k.written) >= noticeEvery {
		n.log.Warn("calls fail and are tried again", telemetry.Code(code), zap.String("detail", detail), telemetry.Count(k.silent))
		k.written, k.silent = now, 0
	}
}

// recovered writes the one line of a message that was applied after calls with it
// had failed.
func (n *notices) recovered(it *backlog.Item) {
	a := it.Attempts
	n.log.Info("applied after calls had failed", telemetry.MessageID(it.ID), telemetry.TraceID(it.Trace.TraceID()), telemetry.Thing(it.Update.Thing),
		telemetry.Count(a.Failures), telemetry.Code(a.Last), zap.Duration("after", time.Since(a.Since)))
}

// detail is what a dead letter and a log line say of a failed call.
func detail(err error, members []message.Member) string {
	if err == nil {
		return ""
	}
	if api, ok := errors.AsType[*managedthings.APIError](err); ok {
		if api.NotTheAPI() {
			return fmt.Sprintf("HTTP %d: %s", api.Status, managedthings.InBetween)
		}
		return fmt.Sprintf("HTTP %d: %s", api.Status, api.Masked(members))
	}
	return err.Error()
}
