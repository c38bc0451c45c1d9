package consumer

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

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
	code := ""
	if failed.whole != nil {
		code = failed.whole.code
	}
	c.o.Traces.Settled(c.o.QueueURL, action, start, traces, failed.requestID, code)
}

func requestID(answer middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(answer)
	return id
}
