package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"managed-thing-updater/internal/pace"
)

// halt is an operator's pause. The zero value is none; safe for use by many
// goroutines.
type halt struct {
	mu    sync.Mutex
	since time.Time
	over  chan struct{} // closed at the end of the pause; nil while there is none
}

// begin reports whether a pause began; false where one lasts already.
func (h *halt) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over != nil {
		return false
	}
	h.since, h.over = time.Now(), make(chan struct{})
	return true
}

// end reports for how long the pause lasted that it ended, and whether there was one.
func (h *halt) end() (lasted time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over == nil {
		return 0, false
	}
	close(h.over)
	h.over = nil
	return time.Since(h.since), true
}

// state is since when a pause lasts.
func (h *halt) state() (since time.Time, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since, h.over != nil
}

func (h *halt) on() bool {
	_, on := h.state()
	return on
}

// wait returns when no pause lasts, or with the context's cause when that ends.
func (h *halt) wait(ctx context.Context) error {
	h.mu.Lock()
	over := h.over
	h.mu.Unlock()
	if over == nil {
		return nil
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// haltedPace gives out no token during a pause.
type haltedPace struct {
	pace.Pace
	halt *halt
}

// Wait is that of the interface.
func (p haltedPace) Wait(ctx context.Context) error {
	for {
		if err := p.halt.wait(ctx); err != nil {
			return err
		}
		if err := p.Pace.Wait(ctx); err != nil {
			return err
		}
		if !p.halt.on() {
			return nil
		}
		p.Return()
	}
}

func pausedSince(t time.Time) string {
	return "paused by an operator since " + t.UTC().Format(time.RFC3339) + "; POST /control/resume ends it"
}

// Pause lets no receive and no call start until Resume; what is under way comes to
// its end, leases are kept, and what is decided is settled. It holds for this
// process only, and ends with it.
func (w *Worker) Pause() {
	if w.halt.begin() {
		w.log.Warn("paused by an operator: no receive and no call starts until somebody resumes; leases are kept")
	}
}

// Resume ends a pause. It also closes a circuit that is open because everything was
// refused: who resumes has seen that, and knows better.
func (w *Worker) Resume() {
	if lasted, ok := w.halt.end(); ok {
		w.log.Info(fmt.Sprintf("resumed by an operator, after %s", lasted.Round(time.Second)))
	}
	if w.circuit.State().Why == pace.OpenAllRefuse {
		w.circuit.Resume()
	}
	if name, _ := w.phase.get(); name != starting {
		w.consumer.Wake()
	}
}
