package pace

import (
	"container/list"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// LearnedOptions of a Learned.
type LearnedOptions struct {
	Start float64    // calls a second to start from, not below MinRate
	Max   float64    // ceiling, calls a second; 0 or less: none
	Rand  *rand.Rand // spreads the cuts; nil: seeded by the process
}

// Learned is a Pace that finds the quota by itself: it starts at a rate, doubles it
// until the first throttle, and from then on stays close to the limit, paying a
// throttle now and then to know where it is. Each token that Wait hands out must
// come back as exactly one Report or Return.
type Learned struct {
	born time.Time

	mu         sync.Mutex
	controller *rateController
	bucket     tokenBucket
	waiters    list.List // of *waiter, first come first
	timer      *time.Timer
}

var _ Pace = (*Learned)(nil)

// waiter is one call of Wait that found no token.
type waiter struct {
	granted chan struct{} // closed, under mu, when the token is the waiter's
	place   *list.Element // nil once granted
}

// NewLearned makes a pace at its start rate.
func NewLearned(o LearnedOptions) *Learned {
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	c := newRateController(o.Start, o.Max, o.Rand)
	return &Learned{born: time.Now(), controller: c, bucket: newTokenBucket(c)}
}

// Wait implements Pace. A token that was handed over before ctx ended is the
// caller's, even if both happen at once.
func (l *Learned) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	now := l.fillLocked()
	if l.waiters.Len() == 0 && l.bucket.take(now) {
		l.mu.Unlock()
		return nil
	}
	w := &waiter{granted: make(chan struct{})}
	w.place = l.waiters.PushBack(w)
	l.serveLocked(now)
	l.mu.Unlock()

	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place == nil {
		return nil
	}
	now = l.fillLocked()
	l.waiters.Remove(w.place)
	l.serveLocked(now)
	return context.Cause(ctx)
}

// Return implements Pace.
func (l *Learned) Return() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.fillLocked()
	l.bucket.giveBack()
	l.serveLocked(now)
}

// Report implements Pace. retryAfter counts only with Throttled, up to MaxHold:
// no token goes out before it has passed.
func (l *Learned) Report(r Result, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.fillLocked()
	l.bucket.report(now, r, retryAfter)
	l.serveLocked(now)
}

// Rate implements Pace.
func (l *Learned) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.controller.rate()
}

// Restart slows down to rate, in calls a second, and ramps up again to what was
// learned before: for when a service comes back after an outage. A rate that is not
// below the present one changes nothing.
func (l *Learned) Restart(rate float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.fillLocked()
	l.controller.restart(now, rate)
	l.bucket.settle()
	l.serveLocked(now)
}

func (l *Learned) fillLocked() (now time.Duration) {
	now = time.Since(l.born)
	l.bucket.fill(now, l.waiters.Len() > 0)
	return now
}

// serveLocked hands tokens to the waiters in their order, after fillLocked.
func (l *Learned) serveLocked(now time.Duration) {
	for first := l.waiters.Front(); first != nil && l.bucket.take(now); first = l.waiters.Front() {
		w := l.waiters.Remove(first).(*waiter)
		w.place = nil
		close(w.granted)
	}
	if l.waiters.Len() == 0 {
		l.bucket.settle()
		if l.timer != nil {
			l.timer.Stop()
		}
		return
	}
	if due := l.bucket.due(now); l.timer == nil {
		l.timer = time.AfterFunc(due, l.onTimer)
	} else {
		l.timer.Reset(due)
	}
}

// onTimer runs on a goroutine of the runtime that ends with it.
func (l *Learned) onTimer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serveLocked(l.fillLocked())
}
