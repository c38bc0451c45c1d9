package pace

import (
	"container/list"
	"context"
	"math"
	"sync"
	"time"
)

const (
	// MinRate is the slowest pace, in calls a second: one call in ten seconds
	// still finds out that the door is open again.
	MinRate = 0.1
	// MaxHold is the longest that a server's Retry-After holds every call back.
	MaxHold = time.Minute

	recovery  = 10 * time.Second      // from nothing back to the start rate, while calls succeed
	creditMax = time.Second           // of recovery that one success can bring
	tick      = time.Millisecond      // the shortest sleep: above 1000 a second tokens go out in clumps
	epsilon   = 1e-9                  // of a token: the rounding of durations to nanoseconds
	burstTime = 50 * time.Millisecond // of the rate that may gather while nobody asks
)

// Bucket is a token bucket that never goes faster than the rate it starts from,
// halves that rate on a throttle, and comes back to it in equal steps within 10 s
// of success. It gathers at most max(1, rate/20) tokens while nobody asks, so
// that a low rate goes out evenly and a high one survives coarse timers.
//
// Each token handed out by Wait comes back as exactly one Report or Return:
// that is how the bucket knows which throttles belong to calls that were let out
// before it slowed down.
type Bucket struct {
	start float64 // calls a second; the rate that recovery leads back to

	mu      sync.Mutex
	rate    float64
	tokens  float64
	filled  time.Time // when tokens was true; in the future during a hold
	raised  time.Time // when a success last raised the rate
	out     int       // tokens handed out, not yet reported or returned
	stale   int       // of the reports still to come, those of calls let out before the last cut
	waiters list.List // of *waiter, first come first
	timer   *time.Timer
}

var _ Pace = (*Bucket)(nil)

// waiter is one call of Wait that found no token.
type waiter struct {
	granted chan struct{} // closed, under mu, when the token is the waiter's
	place   *list.Element // nil once granted
}

// NewBucket makes a full bucket. rate is the rate to start from and to come back
// to, in calls a second, not below MinRate; limit is its ceiling, 0 or less for none.
func NewBucket(rate, limit float64) *Bucket {
	if limit > 0 {
		rate = min(rate, limit)
	}
	if math.IsNaN(rate) {
		rate = MinRate
	}
	rate = max(rate, MinRate)
	now := time.Now()
	b := &Bucket{start: rate, rate: rate, filled: now, raised: now}
	b.tokens = b.burst()
	return b
}

// Wait implements Pace. A token that was handed over before ctx ended is the
// caller's, even where both happen at once.
func (b *Bucket) Wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.Lock()
	now := time.Now()
	b.fill(now)
	if b.waiters.Len() == 0 && b.take(now) {
		b.mu.Unlock()
		return nil
	}
	w := &waiter{granted: make(chan struct{})}
	w.place = b.waiters.PushBack(w)
	b.serve(now)
	b.mu.Unlock()

	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.place == nil {
		return nil
	}
	b.waiters.Remove(w.place)
	now = time.Now()
	b.fill(now)
	b.serve(now)
	return context.Cause(ctx)
}

// Return implements Pace.
func (b *Bucket) Return() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.fill(now)
	b.out = max(0, b.out-1)
	b.tokens = min(b.tokens+1, b.burst()+1)
	b.serve(now)
}

// Report implements Pace. retryAfter counts only with Throttled, up to MaxHold:
// no token goes out before it has passed.
func (b *Bucket) Report(r Result, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.fill(now)
	b.out = max(0, b.out-1)
	// Which call this report is about is not known. Calls end roughly in the
	// order in which they were let out, so the next reports after a cut, as many
	// as calls were under way, are taken for theirs.
	before := b.stale > 0
	if before {
		b.stale--
	}
	switch {
	case r == Throttled:
		if !before {
			b.cut(now)
		}
		if retryAfter > 0 {
			b.hold(now.Add(min(retryAfter, MaxHold)))
		}
	case r == Granted && !before:
		b.raise(now)
	}
	b.serve(now)
}

// Rate implements Pace.
func (b *Bucket) Rate() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rate
}

func (b *Bucket) burst() float64 { return max(1, b.rate*burstTime.Seconds()) }

func (b *Bucket) cut(now time.Time) {
	b.rate = max(MinRate, b.rate/2)
	b.tokens = min(b.tokens, 1)
	b.stale = b.out
	b.raised = now
}

// hold lets no token out before until. What has gathered by then is one token.
func (b *Bucket) hold(until time.Time) {
	if until.After(b.filled) {
		b.filled = until
	}
	b.tokens = min(b.tokens, 1)
}

func (b *Bucket) raise(now time.Time) {
	credit := min(now.Sub(b.raised), creditMax)
	b.raised = now
	b.rate = min(b.start, b.rate+b.start*credit.Seconds()/recovery.Seconds())
}

// fill adds the tokens that have come due. While callers wait, a token more than
// the burst may gather: a timer that fires late costs nothing of the rate.
func (b *Bucket) fill(now time.Time) {
	passed := now.Sub(b.filled)
	if passed <= 0 {
		return
	}
	b.filled = now
	room := b.burst()
	if b.waiters.Len() > 0 {
		room++
	}
	b.tokens = min(max(room, b.tokens), b.tokens+passed.Seconds()*b.rate)
}

// take takes a token if one is there and no hold is on.
func (b *Bucket) take(now time.Time) bool {
	if b.tokens < 1-epsilon || b.filled.After(now) {
		return false
	}
	b.tokens = max(0, b.tokens-1)
	b.out++
	return true
}

// serve hands tokens to the waiters in their order, after fill.
func (b *Bucket) serve(now time.Time) {
	for first := b.waiters.Front(); first != nil && b.take(now); first = b.waiters.Front() {
		w := b.waiters.Remove(first).(*waiter)
		w.place = nil
		close(w.granted)
	}
	if b.waiters.Len() == 0 {
		b.tokens = min(b.tokens, b.burst())
	}
	b.arm(now)
}

// arm sets the one timer to when the first waiter's token is due, or stops it
// where nobody waits.
func (b *Bucket) arm(now time.Time) {
	if b.waiters.Len() == 0 {
		if b.timer != nil {
			b.timer.Stop()
		}
		return
	}
	need := max(0, 1-b.tokens)
	due := b.filled.Sub(now) + time.Duration(math.Ceil(need/b.rate*float64(time.Second)))
	due = max(due, tick)
	if b.timer == nil {
		b.timer = time.AfterFunc(due, b.ring)
		return
	}
	b.timer.Reset(due)
}

// ring runs when the timer does, on a goroutine of the runtime that ends with it.
func (b *Bucket) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.fill(now)
	b.serve(now)
}
