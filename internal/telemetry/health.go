package telemetry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Health knows which of the worker's loops make progress: each says so by a
// heartbeat, and one that is silent for longer than it may be is stale. A loop
// that waits on purpose (for messages, for an open circuit) keeps beating. Safe
// for use by many goroutines.
type Health struct {
	mu    sync.RWMutex
	loops map[string]*heartbeat
	asked map[string]asked
}

type heartbeat struct {
	silence time.Duration
	last    atomic.Pointer[time.Time] // holds the monotonic clock: a changed wall clock makes nothing stale
}

// asked is a loop that keeps the time of its last beat itself.
type asked struct {
	silence time.Duration
	last    func() time.Time
}

// NewHealth makes a Health that expects nothing yet, and so is well.
func NewHealth() *Health {
	return &Health{loops: make(map[string]*heartbeat), asked: make(map[string]asked)}
}

// Expect starts watching a loop, as if it beat right now. It may be silent for
// silence at most. Expecting a loop again changes its silence.
func (h *Health) Expect(loop string, silence time.Duration) {
	beat := &heartbeat{silence: silence}
	beat.last.Store(new(time.Now()))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loops[loop] = beat
}

// Ask starts watching a loop that keeps the time of its last beat itself. last is
// called by Check.
func (h *Health) Ask(loop string, silence time.Duration, last func() time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[loop] = asked{silence, last}
}

// Forget stops watching a loop: it has ended on purpose.
func (h *Health) Forget(loop string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.loops, loop)
	delete(h.asked, loop)
}

// Beat says that a loop makes progress. It is cheap. The beat of a loop that
// nobody expects is ignored: the last one may come after Forget.
func (h *Health) Beat(loop string) {
	h.mu.RLock()
	beat := h.loops[loop]
	h.mu.RUnlock()
	if beat != nil {
		beat.last.Store(new(time.Now()))
	}
}

// Check reports whether every loop beat within its silence, and the names of
// those that did not, sorted.
func (h *Health) Check() (ok bool, stale []string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for name, beat := range h.loops {
		if time.Since(*beat.last.Load()) > beat.silence {
			stale = append(stale, name)
		}
	}
	for name, loop := range h.asked {
		if time.Since(loop.last()) > loop.silence {
			stale = append(stale, name)
		}
	}
	slices.Sort(stale)
	return len(stale) == 0, stale
}
