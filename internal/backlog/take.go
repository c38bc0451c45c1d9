package backlog

import (
	"context"
	"time"
)

// RetryShare is how many first calls go out for each retry while both wait:
// retries take at most a fifth of the rate.
const RetryShare = 4

// Ready waits until a thing can be taken or unless returns true, or returns the context's
// cause if ctx ends first. It asks unless at first and when a turn has ended. Only one
// goroutine may wait at a time.
func (b *Backlog) Ready(ctx context.Context, unless func() bool) error {
	for !unless() {
		b.mu.Lock()
		next, firstDue := b.nextLocked(), b.backoff.First()
		var due <-chan time.Time
		if next == nil && firstDue != nil {
			due = time.After(time.Until(firstDue.due))
		}
		b.mu.Unlock()
		if next != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.wake:
		case <-due:
		}
	}
	return nil
}

// HasNext reports whether a thing can be taken now.
func (b *Backlog) HasNext() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nextLocked() != nil
}

// Take gives the next thing its turn, with all that waits for it, or returns nil
// if no thing is ready. Each turn ends with Done.
func (b *Backlog) Take() *Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.nextLocked()
	if t == nil {
		return nil
	}
	b.passOverLocked(t)
	if b.sinceRetry++; t.queue == &b.retries {
		b.sinceRetry = 0
	}
	t.queue.served(t)
	b.dequeueLocked(t)
	return b.beginLocked(t)
}

// beginLocked starts the turn of a thing that is in no queue any more.
func (b *Backlog) beginLocked(t *thing) *Turn {
	t.state = inTurn
	if b.passedOver == t {
		b.passedOver = nil
	}
	turn := &Turn{Thing: t.id, Failures: t.failures, thing: t}
	turn.Items, t.items = t.take()
	for _, it := range turn.Items {
		turn.Suspect = turn.Suspect || it.Suspect
	}
	if turn.Suspect {
		b.tested = turn
	}
	t.turning = len(turn.Items)
	b.waiting -= len(turn.Items)
	return turn
}

// nextLocked is the thing whose turn it is, or nil.
func (b *Backlog) nextLocked() *thing {
	b.promoteLocked(time.Now())
	return b.pickLocked(b.candidateLocked(&b.firstCalls), b.candidateLocked(&b.retries))
}

// pickLocked chooses between the heads of the two queues.
func (b *Backlog) pickLocked(first, retry *thing) *thing {
	if first == nil || retry != nil && b.sinceRetry >= RetryShare {
		return retry
	}
	return first
}

// promoteLocked puts things whose delay has ended in line.
func (b *Backlog) promoteLocked(now time.Time) {
	for t := b.backoff.First(); t != nil && !t.due.After(now); t = b.backoff.First() {
		b.backoff.Remove(t)
		b.enqueueLocked(t)
	}
}

func (b *Backlog) backOffLocked(t *thing) {
	t.state = backingOff
	b.backoff.Set(t)
}

func (b *Backlog) enqueueLocked(t *thing) {
	t.state = inLine
	t.queue = &b.firstCalls
	if t.failures > 0 {
		t.queue = &b.retries
	}
	t.queue.add(t)
}

func (b *Backlog) dequeueLocked(t *thing) {
	t.queue.remove(t)
	t.queue, t.state = nil, nowhere
}

func (b *Backlog) enqueueOrForgetLocked(t *thing) {
	if len(t.items) == 0 {
		b.forgetLocked(t)
		return
	}
	b.enqueueLocked(t)
}

// forgetLocked lets go of a thing for which nothing waits.
func (b *Backlog) forgetLocked(t *thing) {
	delete(b.things, t.id)
	if t.failing {
		b.sick.remember(t.id, time.Now())
	}
}
