package consumer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/telemetry"
)

// troubles logs what is wrong with SQS: a line for each code with which an action
// fails, not each time, and one when the action works again.
type troubles struct {
	log     *zap.Logger
	metrics *telemetry.Metrics
	queue   *telemetry.QueueMetrics

	mu   sync.Mutex
	last map[string]trouble // by action; only those in trouble
}

type trouble struct {
	said map[string]bool // codes that have their line
	at   time.Time       // of the last failure
}

// maxCodes bounds the codes of one trouble that have a line.
const maxCodes = 8

// quiet is how long an action must not have failed before it is said to work
// again: an action that fails now and then says so once.
const quiet = 10 * time.Second

// permissions names what the worker's role needs, by action.
var permissions = map[string]string{
	"ReceiveMessage":               "sqs:ReceiveMessage on the source queue",
	"DeleteMessageBatch":           "sqs:DeleteMessage on the source queue",
	"ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility on the source queue",
	"SendMessageBatch":             "sqs:SendMessage on the dead-letter queue",
}

// effects says what the worker does while an action fails.
var effects = map[string]string{
	"ReceiveMessage":               "no messages come in",
	"DeleteMessageBatch":           "settled messages stay in the queue and are kept from others while deleting is tried again",
	"ChangeMessageVisibilityBatch": "leases are not renewed; messages that wait longer than their lease come again",
	"SendMessageBatch":             "messages that are to become dead letters stay in the source queue",
}

// note counts one request, begun at start, and logs what changed. A request that ended because
// ctx did tells nothing of SQS.
func (t *troubles) note(ctx context.Context, action string, start time.Time, err error) {
	switch {
	case err == nil:
		t.metrics.SQSRequests.WithLabelValues(action, "ok").Inc()
	case ctx.Err() != nil:
		return
	default:
		t.metrics.SQSRequests.WithLabelValues(action, "error").Inc()
	}
	t.queue.Requested(action, time.Since(start), err)
	t.changed(action, err)
}

// letters logs what changed in storing letters; their requests are counted by
// who sends them.
func (t *troubles) letters(ctx context.Context, err error) {
	if err == nil || ctx.Err() == nil {
		t.changed("SendMessageBatch", err)
	}
}

func (t *troubles) changed(action string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	last, in := t.last[action]
	if err == nil {
		if in && now.Sub(last.at) >= quiet {
			delete(t.last, action)
			t.log.Info("SQS works again", telemetry.Action(action))
		}
		return
	}
	code := codeOf(err)
	if !in {
		last.said = make(map[string]bool)
	}
	last.at = now
	t.last[action] = last
	if last.said[code] || len(last.said) == maxCodes {
		return
	}
	last.said[code] = true
	switch code {
	case "AccessDenied", "AccessDeniedException":
		t.log.Error("SQS denies an action: give the worker's role "+permissions[action]+"; until then "+effects[action],
			telemetry.Action(action), telemetry.Code(code), zap.Error(err))
	default:
		t.log.Warn("SQS action fails and is tried again; until it works "+effects[action],
			telemetry.Action(action), telemetry.Code(code), zap.Error(err))
	}
}
