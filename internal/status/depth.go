package status

import (
	"context"
	"time"
)

// depthEvery is how often the queue is asked for what waits in it.
const depthEvery = 15 * time.Second

// watchDepth asks the queue how much waits in it behind what is held. If all there is is
// held, it does not ask. If there is no answer, because a permission is missing or for
// another reason, it is not known. Only one goroutine calls it.
func (r *Reporter) watchDepth(ctx context.Context) {
	p := r.parts.Load()
	if !p.Consumer.Stats().Full && !r.of.Admission.Full() {
		r.queued.Store(nil)
		return
	}
	if time.Since(r.askedDepth) < depthEvery {
		return
	}
	n, err := p.Queued(ctx)
	r.askedDepth = time.Now()
	if err != nil {
		r.queued.Store(nil)
		return
	}
	r.queued.Store(&n)
}
