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
	reservedBytes int64     // their bytes
	wanted        int       // how many polls may be under way: 1 to Options.Pollers
	begun         time.Time // the last one

	failures  int       // polls that failed in a row
	failing   time.Time // when the first of them did while messages were wanted; zero: none
	hasty     int       // polls in a row that brought nothing though they did not wait
	failedAt  time.Time // the last of either
	notBefore time.Time // no poll starts sooner

	lost []attempt // FIFO: receives whose answer was lost; at most one for each poll

	cut   int
	ended bool // what comes now is released
	last  time.Time
	beat  time.Time
}

// Receive polls the queue until ctx ends and returns when every open poll has
// come back. Messages that come back after ctx ended are released at once.
//
// An open poll is never cancelled by ctx: SQS may have handed out messages to
// it, which nobody would see until their visibility timeout ends. When cut ends,
// open polls are cut all the same, and counted.
func (c *Consumer) Receive(ctx, cut context.Context) {
	c.mu.Lock()
	c.poll.ended = false
	c.mu.Unlock()

	c.sayUnchecked()
	polls := newCrew()
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
	c.endReceiving()
	c.mu.Unlock()
	polls.wait()
}

// endReceiving has what polls bring from now on released, and what failed tried
// again soon: a stop has no time for long waits.
func (c *Consumer) endReceiving() {
	if c.poll.ended {
		return
	}
	c.poll.ended = true
	for _, l := range c.lanes {
		l.hasten(time.Now().Add(drainRetry))
	}
	wake(c.keepWake)
}

// room is how many messages one more poll may bring beside so many that are held and
// awaited, up to a batch: each as large as SQS lets one be, so that what comes always fits.
func (c *Consumer) room(held int, bytes int64) int {
	return max(0, min(sqswire.MaxEntries, c.o.MaxHeld-held, int((c.o.MaxHeldBytes-bytes)/sqswire.MaxBytes)))
}

// reserve takes the room of one poll and returns for how many messages, or says how
// long to wait before looking again. Only Receive's goroutine calls it.
func (c *Consumer) reserve() (n int, wait time.Duration) {
	held, coming, most, wait := c.wanted()
	if most == 0 {
		return 0, wait
	}
	n, wait = c.o.Admission.Admit(held, coming, most)
	return c.take(n), min(heartbeat, wait)
}

// wanted returns for how many messages there is room for one more poll, beside how many
// held and coming ones, or how long to wait before looking again.
//
// A whole batch is worth waiting for, since each poll is a request. But what waits for
// long may be all that leaves no room for one: then a poll asks for fewer, the later the
// fewer, while no other is under way. For the last message of a batch none waits: where
// WORKER_MAX_HELD_BYTES is its least, any message held is in the way of ten large ones.
func (c *Consumer) wanted() (held, coming, most int, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	p := &c.poll
	p.beat = now
	n, whole := c.freeLocked(), c.room(0, 0)
	patience := p.begun.Add(fewerAfter * time.Duration(whole-n-1)).Sub(now)
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
	return c.undone, p.reserved, most, wait
}

// take takes the room of a poll of up to n messages, as far as there is any, and returns
// for how many messages.
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

// freeLocked is how many messages one more poll may bring beside all that are held and
// awaited.
func (c *Consumer) freeLocked() int {
	return c.room(len(c.held)+c.poll.reserved, c.bytes+c.poll.reservedBytes)
}

// adapt sets how many polls may be under way by what one brought: more while
// they come back full, one when one came back empty.
func (c *Consumer) adapt(got, asked int, start, now time.Time) {
	p := &c.poll
	switch {
	case got == asked:
		p.wanted = min(p.wanted+1, c.o.Pollers)
	case got < asked/2:
		p.wanted = max(p.wanted-1, 1)
	}
	if got > 0 {
		p.hasty = 0
		return
	}
	p.wanted = 1
	c.metrics.EmptyReceives.Inc()
	if c.o.WaitTime > 0 && now.Sub(start) >= c.o.WaitTime*9/10 {
		p.hasty = 0
		return
	}
	c.backOff(&p.hasty, start, now) // no wait, or SQS has too many messages in flight: it answers at once
}

// backOff holds polls back after one that failed. Polls that were under way when
// the last one failed tell nothing new.
func (c *Consumer) backOff(count *int, start, now time.Time) {
	p := &c.poll
	p.wanted = 1
	if start.Before(p.failedAt) {
		return
	}
	*count++
	p.failedAt = now
	p.notBefore = now.Add(c.wait(*count))
}
