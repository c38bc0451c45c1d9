package consumer

import (
	"time"

	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// traceSettling makes the span of a batch of deletes or releases.
func (c *Consumer) traceSettling(action string, start time.Time, batch []settling, failed failures) {
	if c.o.Traces == nil {
		return
	}
	var traces []*telemetry.MessageTrace
	for _, s := range batch {
		if s.d.trace != nil {
			traces = append(traces, s.d.trace)
		}
	}
	c.o.Traces.Settled(c.o.QueueURL, action, start, traces, failed.requestID, sqswire.Code(failed.whole))
}
