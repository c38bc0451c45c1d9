package consumer

import (
	"context"
	"time"

	"managed-thing-updater/internal/sqswire"
)

// pollState is guarded by Consumer.mu.
type pollState struct {
	open          int       // polls under way
	reserved      int       // messages they may bring
	reservedBytes int64     // the bytes of these
	wanted        int       // how many polls may be under way: 1 to Options.Pollers
	begun         time.Time // of the last one

	failures   int       // consecutive polls that failed
	failing    time.Time // when the first of them did while messages were wanted; zero: none
	emptyPolls int       // consecutive polls that brought nothing and did not wait
	failedAt   time.Time // of the last of either kind
	notBefore  time.Time // no poll starts sooner

	lost []attempt // FIFO: receives whose answer was lost; at most one for each poll

	cut   int
	ended bool // receiving has ended: what still comes is released
	last  time.Time
	beat  time.Time
}

// Receive polls the queue until ctx ends, and returns when every open poll has come back.
// Messages that they bring after that are released at once.
//
// ctx cancels no open poll: SQS may have handed out messages to it, and no worker would see
// them until their visibility timeout ends. Only when cut ends are open polls cut, and
// counted.
func (c *Consumer) Receive(ctx, cut context.Context) {
	c.mu.Lock()
	c.poll.ended = false
	c.mu.Unlock()

	c.sayUnchecked()
	polls := newWorkerPool()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil && cut.Err() == nil {
		n, wait := c.reserve()
		if n > 0 {
			polls.run(func() { c.receive(ctx, cut, n) })
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-cut.Done():
		case <-c.pollWake:
		case <-timer.C:
		}
	}
	c.mu.Lock()
	c.endReceivingLocked()
	c.mu.Unlock()
	polls.wait()
}

// endReceivingLocked ends the receiving: what polls still bring is released, and what failed
// is tried again soon, since a stop has no time for long waits.
func (c *Consumer) endReceivingLocked() {
	if c.poll.ended {
		return
	}
	c.poll.ended = true
	for _, q := range c.queues[lettering:gone] {
		q.hasten(time.Now().Add(drainRetry))
	}
	wake(c.keepWake)
}

// room is how many messages one more poll may ask for, up to a batch, if so many are held
// or awaited. Each may be as large as SQS allows, so that what comes always fits.
func (c *Consumer) room(held int, bytes int64) int {
	return max(0, min(sqswire.MaxEntries, c.o.MaxHeld-held, int((c.o.MaxHeldBytes-bytes)/sqswire.MaxBytes)))
}

// reserve takes the room of one poll and returns for how many messages; if for none, how
// long to wait before asking again. Only Receive's goroutine calls it.
func (c *Consumer) reserve() (n int, wait time.Duration) {
	held, coming, most, wait := c.wanted()
	if most == 0 {
		return 0, wait
	}
	n, wait = c.o.Admission.Admit(held, coming, most)
	return c.take(n), min(heartbeat, wait)
}

// wanted returns how many messages one more poll may ask for, beside how many held and
// coming ones; if none, how long to wait before asking again.
//
// Each poll is a request, so a whole batch is worth waiting for. But messages that are held
// for long may leave no room for one. Then, while no poll is open, a poll asks for what
// there is room for: the fewer messages, the later. It does not wait for the last message
// of a batch: if WORKER_MAX_HELD_BYTES is at its minimum, any message held leaves room for
// nine large ones only.
func (c *Consumer) wanted() (held, coming, most int, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	p := &c.poll
	p.beat = now
	n, whole := c.freeLocked(), c.room(0, 0)
	patience := p.begun.Add(partialWait * time.Duration(whole-n-1)).Sub(now)
	switch {
	case now.Before(p.notBefore):
		wait = min(heartbeat, p.notBefore.Sub(now))
	case p.open >= p.wanted,
		n < whole && p.open > 0:
		wait = heartbeat
	case n == 0:
		p.failing = time.Time{} // nothing is wanted, so nothing fails
		wait = heartbeat
	case n < whole && patience > 0:
		wait = min(heartbeat, patience)
	default:
		most = n
	}
	return c.undecided, p.reserved, most, wait
}

// take takes the room of a poll of up to n messages, and returns for how many there was
// room.
func (c *Consumer) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.poll
	if n = min(n, c.freeLocked()); n == 0 {
		p.failing = time.Time{} // as in wanted
		return 0
	}
	p.open++
	p.reserved += n
	p.reservedBytes += int64(n) * sqswire.MaxBytes
	p.begun = time.Now()
	return n
}

// freeLocked is how many messages one more poll may ask for now.
func (c *Consumer) freeLocked() int {
	return c.room(len(c.held)+c.poll.reserved, c.bytes+c.poll.reservedBytes)
}

// adaptLocked sets how many polls may be open by what one brought: more while they come
// back full, one after one that came back empty.
func (c *Consumer) adaptLocked(got, asked int, start, now time.Time) {
	p := &c.poll
	switch {
	case got == asked:
		p.wanted = min(p.wanted+1, c.o.Pollers)
	case got < asked/2:
		p.wanted = max(p.wanted-1, 1)
	}
	if got > 0 {
		p.emptyPolls = 0
		return
	}
	p.wanted = 1
	c.metrics.EmptyReceives.Inc()
	if c.o.WaitTime > 0 && now.Sub(start) >= c.o.WaitTime*9/10 {
		p.emptyPolls = 0
		return
	}
	c.backOffLocked(&p.emptyPolls, start, now) // SQS answers at once without a wait, or if too many messages are in flight
}

// backOffLocked holds polls back after one that failed. If a poll was open when the last
// one failed, its own failure tells nothing new.
func (c *Consumer) backOffLocked(count *int, start, now time.Time) {
	p := &c.poll
	p.wanted = 1
	if start.Before(p.failedAt) {
		return
	}
	*count++
	p.failedAt = now
	p.notBefore = now.Add(c.wait(*count))
}
