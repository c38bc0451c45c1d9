package admission

import (
	"context"
	"sync"
	"time"

	"managed-thing-updater/internal/pace"
)

// OperatorPause is an operator's pause. The zero value is none. Safe for use by many
// goroutines.
type OperatorPause struct {
	mu    sync.Mutex
	since time.Time
	over  chan struct{} // closed at the end of the pause; nil while there is none
}

// Begin begins a pause. It returns false if one lasts already.
func (p *OperatorPause) Begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over != nil {
		return false
	}
	p.since, p.over = time.Now(), make(chan struct{})
	return true
}

// End ends the pause and returns how long it lasted. ok is false if there was none.
func (p *OperatorPause) End() (lasted time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over == nil {
		return 0, false
	}
	close(p.over)
	p.over = nil
	return time.Since(p.since), true
}

// Since returns when the pause began. on is false if there is none.
func (p *OperatorPause) Since() (since time.Time, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since, p.over != nil
}

// On reports whether a pause lasts.
func (p *OperatorPause) On() bool {
	_, on := p.Since()
	return on
}

// wait returns when no pause lasts, or with the context's cause if ctx ends first.
func (p *OperatorPause) wait(ctx context.Context) error {
	p.mu.Lock()
	over := p.over
	p.mu.Unlock()
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

// Pace is next, but gives out no token during the pause.
func (p *OperatorPause) Pace(next pace.Pace) pace.Pace { return pausedPace{next, p} }

type pausedPace struct {
	pace.Pace
	pause *OperatorPause
}

// Wait is that of the interface.
func (p pausedPace) Wait(ctx context.Context) error {
	for {
		if err := p.pause.wait(ctx); err != nil {
			return err
		}
		if err := p.Pace.Wait(ctx); err != nil {
			return err
		}
		if !p.pause.On() {
			return nil
		}
		p.Return()
	}
}
