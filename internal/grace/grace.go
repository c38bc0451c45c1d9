// Package grace gives work that goes on after a stop began a time at which it ends.
package grace

import (
	"context"
	"sync"
	"time"
)

// CutBefore is how long before the deadline of the worker's stop calls, open polls, and
// what is still to be settled are cut.
const CutBefore = 2 * time.Second

// Period begins when its context ends: a stop. All contexts that it hands out end so
// long after that moment, whenever they were made, so a stop has one deadline. Safe
// for use by many goroutines.
type Period struct {
	ctx context.Context

	mu    sync.Mutex
	began time.Time // zero before ctx ends
}

// Of returns the period that begins when ctx ends. If ctx has ended already, it
// begins with this call.
func Of(ctx context.Context) *Period {
	p := &Period{ctx: ctx}
	context.AfterFunc(ctx, func() { p.begin() })
	return p
}

func (p *Period) begin() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began.IsZero() {
		p.began = time.Now()
	}
	return p.began
}

// Until returns a context that ends d after the period began, with the given cause.
// It has the values of the period's context, and lasts at least as long. end ends it
// at once and gives back what it holds; call it when the work is done.
func (p *Period) Until(d time.Duration, cause error) (until context.Context, end func()) {
	until, cancel := context.WithCancelCause(context.WithoutCancel(p.ctx))
	unregister := context.AfterFunc(p.ctx, func() {
		timer := time.NewTimer(time.Until(p.begin().Add(d)))
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(cause)
		case <-until.Done():
		}
	})
	return until, func() {
		unregister()
		cancel(context.Canceled)
	}
}
