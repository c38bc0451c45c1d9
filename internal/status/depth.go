package status

import (
	"context"
	"sync"
	"time"
)

// depthEvery is how often the queue is asked for what waits in it.
const depthEvery = 15 * time.Second

// depth is about how many messages wait in the queue, behind those that are held.
// The zero value is ready for use, by many goroutines.
type depth struct {
	mu       sync.Mutex
	messages int
	known    bool
	asked    time.Time
}

func (d *depth) get() (messages int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.messages, d.known
}

// due reports whether it is time to ask. Where all there is is held, nobody asks.
func (d *depth) due(more bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !more {
		d.messages, d.known = 0, false
		return false
	}
	return time.Since(d.asked) >= depthEvery
}

func (d *depth) set(messages int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages, d.known, d.asked = messages, known, time.Now()
}

// watchDepth asks the queue how much waits in it, while there may be anything.
// Without an answer, for want of permission or for a moment, it is not known.
func (r *Reporter) watchDepth(ctx context.Context) {
	p := r.parts.Load()
	if !r.depth.due(p.Consumer.Stats().Full || r.of.Admission.Full()) {
		return
	}
	n, err := p.Queued(ctx)
	r.depth.set(n, err == nil)
}
