package app

import (
	"context"
	"time"

	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
)

// reading is what the page's charts need. It looks at everything that is held, once
// a second.
func (w *Worker) reading() livepage.Reading {
	s := w.Status()
	count := func(outcomes ...message.Outcome) (n int) {
		for _, o := range outcomes {
			n += s.Messages.Outcomes[string(o)]
		}
		return n
	}
	calls := s.Calls.ByResult
	r := livepage.Reading{
		Status: s, Hot: func() any { return w.reporter.Hottest() },
		Received: s.Messages.Received, Applied: count(message.Applied), Superseded: count(message.Superseded, message.Unsure),
		Other: count(message.Duplicate, message.Unchanged), DeadLettered: count(message.DeadLettered),
		Throttled: calls[string(telemetry.CallThrottled)], Latency: w.metrics.CallSeconds.Buckets(),
		Rate: s.Pace.Rate, Held: s.Messages.Held, Things: s.Backlog.Things, OldestSeconds: s.Backlog.OldestSeconds,
		CircuitOpen: s.Circuit.Open, Paused: s.State == status.Paused,
	}
	for _, n := range calls {
		r.Calls += n
	}
	r.Failed = r.Calls - r.Throttled - calls[string(telemetry.CallOK)]
	return r
}

// glance gives each second's status to who asked for it, until ctx ends.
func (w *Worker) glance(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			w.o.Glance(w.Status())
		}
	}
}
