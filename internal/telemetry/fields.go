package telemetry

import (
	"time"

	"go.uber.org/zap"
)

// The names of log fields. A person greps for these; nothing else names them.

// Thing is the managed thing's Identifier.
func Thing(id string) zap.Field { return zap.String("thing", id) }

// MessageID is SQS's MessageId.
func MessageID(id string) zap.Field { return zap.String("message_id", id) }

// Queue is a queue's URL.
func Queue(url string) zap.Field { return zap.String("queue", url) }

// TraceID is the trace that the line's message belongs to; no field if it
// belongs to none.
func TraceID(id string) zap.Field {
	if id == "" {
		return zap.Skip()
	}
	return zap.String("trace_id", id)
}

// Code is an AWS error code or a name of ours for a failure without one.
func Code(code string) zap.Field { return zap.String("code", code) }

// Reason is why a message was dead-lettered.
func Reason(reason string) zap.Field { return zap.String("reason", reason) }

// State names the store of the things' records, without credentials.
func State(name string) zap.Field { return zap.String("state", name) }

// Action is an SQS action.
func Action(action string) zap.Field { return zap.String("action", action) }

// Wait is how long something waits before it is tried again.
func Wait(d time.Duration) zap.Field { return zap.Duration("wait", d) }

// Count is how many of what the line speaks of.
func Count(n int) zap.Field { return zap.Int("count", n) }

// Check is the name of the doctor's check that found what the line speaks of.
func Check(name string) zap.Field { return zap.String("check", name) }
