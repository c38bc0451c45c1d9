package backlog

import (
	"context"
	"time"
)

// RetryShare is how many first calls go out for each retry while both wait:
// retries take at most a fifth of the rate.
const RetryShare = 4

// Ready waits until a thing can be taken or unless says that it need not be, and
// returns the context's cause when that ends first. unless is asked at first and
// whenever a turn has ended. Only one goroutine may wait at a time.
func (b *Backlog) Ready(ctx context.Context, unless func() bool) error {
	for !unless() {
		b.mu.Lock()
		b.promote(time.Now())
		ok := b.next() != nil
		due, any := b.backoff.first()
		b.mu.Unlock()
		if ok {
			return nil
		}
		var timer <-chan time.Time
		var stop func() bool
		if any {
			tm := time.NewTimer(time.Until(due))
			timer, stop = tm.C, tm.Stop
		}
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer:
		}
		if stop != nil {
			stop()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// HasNext reports whether a thing can be taken now.
func (b *Backlog) HasNext() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promote(time.Now())
	return b.next() != nil
}

// Take gives the next thing its turn, with all that waits for it, or returns nil
// where no thing is ready. Each turn ends with Done.
func (b *Backlog) Take() *Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promote(time.Now())
	t := b.next()
	if t == nil {
		return nil
	}
	b.passOver(t)
	if b.firsts++; t.line == &b.retry {
		b.firsts = 0
	}
	t.line.served(t)
	b.unline(t)
	return b.begin(t)
}

// begin starts the turn of a thing that was taken out of where it waited.
func (b *Backlog) begin(t *thing) *Turn {
	t.where = inTurn
	if b.passedOver == t {
		b.passedOver = nil
	}
	turn := &Turn{Thing: t.id, Confirm: t.confirm, Failures: t.failures, thing: t}
	turn.Items, t.items = t.take()
	for _, it := range turn.Items {
		turn.Suspect = turn.Suspect || it.Suspect
	}
	if turn.Suspect {
		b.testing = turn
	}
	t.turning = len(turn.Items)
	b.waiting -= len(turn.Items)
	return turn
}

// next is the thing whose turn it is, or nil.
func (b *Backlog) next() *thing { return b.pick(b.candidate(&b.first), b.candidate(&b.retry)) }

// pick chooses between the heads of the two lines.
func (b *Backlog) pick(first, retry *thing) *thing {
	if first == nil || retry != nil && b.firsts >= RetryShare {
		return retry
	}
	return first
}

// promote puts things whose delay has ended in line.
func (b *Backlog) promote(now time.Time) {
	for {
		due, any := b.backoff.first()
		if !any || due.After(now) {
			return
		}
		b.enline(b.backoff.pop())
	}
}

func (b *Backlog) enline(t *thing) {
	t.where = inLine
	t.line = &b.first
	if t.failures > 0 {
		t.line = &b.retry
	}
	t.line.push(t)
}

func (b *Backlog) unline(t *thing) {
	t.line.remove(t)
	t.line, t.where = nil, nowhere
}

func (b *Backlog) enlineOrForget(t *thing) {
	if len(t.items) == 0 {
		b.forget(t)
		return
	}
	b.enline(t)
}

// forget lets go of a thing for which nothing waits.
func (b *Backlog) forget(t *thing) {
	delete(b.things, t.id)
	if t.failing {
		b.sick.left(t.id, time.Now())
	}
}
