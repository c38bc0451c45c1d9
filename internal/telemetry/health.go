package telemetry

import (
	"slices"
	"sync"
	"time"
)

// Health knows which of the worker's loops make progress: one that has not beat
// for longer than it may be silent is stale. A loop that waits on purpose (for
// messages, for an open circuit) keeps beating. Safe for use by many goroutines.
type Health struct {
	mu    sync.Mutex
	loops map[string]loop
}

type loop struct {
	silence time.Duration
	last    func() time.Time
}

// NewHealth makes a Health that watches nothing yet, and so is well.
func NewHealth() *Health { return &Health{loops: make(map[string]loop)} }

// Watch starts watching a loop. last is when it last beat, with the monotonic
// clock, so that a changed wall clock makes nothing stale; it is called by Check,
// from any goroutine.
func (h *Health) Watch(name string, silence time.Duration, last func() time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loops[name] = loop{silence, last}
}

// Forget stops watching a loop: it has ended on purpose.
func (h *Health) Forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.loops, name)
}

// Check reports whether every loop beat within its silence, and the names of
// those that did not, sorted.
func (h *Health) Check() (ok bool, stale []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, loop := range h.loops {
		if time.Since(loop.last()) > loop.silence {
			stale = append(stale, name)
		}
	}
	slices.Sort(stale)
	return len(stale) == 0, stale
}
