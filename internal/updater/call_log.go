package updater

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// callLog says in the log how calls fail, and that they got through in the end.
type callLog struct{ *telemetry.Notices }

func (n callLog) failed(code, detail string) {
	n.Say(zapcore.WarnLevel, "calls fail and are tried again", code, 1, zap.String("detail", detail))
}

// notMade logs a call whose time was over before it began; the latest thing is named.
func (n callLog) notMade(thing string) {
	n.Say(zapcore.WarnLevel, "calls were not made: the process stood still, or waited, for so long that a lease would not outlast them", "", 1, telemetry.Thing(thing))
}

// recovered logs that a message was applied after calls with it had failed; the count is
// of those calls.
func (n callLog) recovered(it *backlog.Item) {
	e := it.Evidence
	n.Say(zapcore.InfoLevel, "applied after calls had failed", e.Last, e.Failures, telemetry.MessageID(it.ID), telemetry.TraceID(it.Trace.TraceID()),
		telemetry.Thing(it.Update.Thing), zap.Duration("after", time.Since(e.Since)))
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
