package app

import (
	"context"
	"time"

	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// hotThings is how many of the hottest things the page shows.
const hotThings = 10

// HotThing is a thing that many messages wait for, as the page shows it.
type HotThing struct {
	Thing         string   `json:"thing"`
	Waiting       int      `json:"waiting"`                  // messages
	OldestSeconds *float64 `json:"oldest_seconds,omitempty"` // of those that no turn holds
	State         string   `json:"state"`                    // in line, in its turn, backing off
	Failures      int      `json:"failures"`                 // turns that failed in a row
}

// feed is what the page shows.
func (w *Worker) feed() *livepage.Feed {
	return livepage.New(livepage.Options{
		Read: w.reading, Started: w.started, Version: w.o.Version, Name: w.o.Name, Controls: w.cfg.AdminToken != "",
	})
}

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
		Status: s, Hot: func() any { return w.hottest() },
		Received: s.Messages.Received, Applied: count(message.Applied), Superseded: count(message.Superseded, message.Unsure),
		Other: count(message.Duplicate, message.Unchanged), DeadLettered: count(message.DeadLettered),
		Throttled: calls[string(telemetry.CallThrottled)], Latency: w.metrics.CallSeconds.Buckets(),
		Rate: s.Pace.Rate, Held: s.Messages.Held, Things: s.Backlog.Things, OldestSeconds: s.Backlog.OldestSeconds,
		CircuitOpen: s.Circuit.Open, Paused: s.State == paused,
	}
	for _, n := range calls {
		r.Calls += n
	}
	r.Failed = r.Calls - r.Throttled - calls[string(telemetry.CallOK)]
	return r
}

func (w *Worker) hottest() []HotThing {
	hot := []HotThing{}
	for _, h := range w.backlog.Hottest(hotThings) {
		it := HotThing{Thing: h.Thing, Waiting: h.Waiting, State: h.State, Failures: h.Failures}
		if !h.Oldest.IsZero() {
			it.OldestSeconds = new(secondsSince(h.Oldest))
		}
		hot = append(hot, it)
	}
	return hot
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
