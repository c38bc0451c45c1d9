package consumer

import (
	"context"
	"fmt"
	"time"

	"managed-thing-updater/internal/message"
)

// Keep renews leases and settles until ctx ends, and returns when every request
// of its own has ended; these end with ctx. It runs beside Receive and longer:
// while the worker drains, leases are still renewed. End it after Flush and
// Abandon: what is still held then is stranded.
func (c *Consumer) Keep(ctx context.Context) {
	requests := newCrew()
	defer c.notices.Close()
	defer c.strandRest()
	defer requests.wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		jobs, lost, wait := c.next()
		c.tellLost(lost)
		for _, job := range jobs {
			requests.run(func() { job(ctx) })
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-c.keepWake:
		case <-timer.C:
		}
	}
}

// next returns the requests that are due, the deliveries whose handler is to be
// told that they are lost, and how long nothing else is due.
func (c *Consumer) next() (jobs []func(context.Context), lost []*Delivery, wait time.Duration) {
	expected := c.o.ExpectedWait() // before the lock: it may want one whose holder wants ours
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.keepBeat = now

	for c.renewing < maxRenewals {
		batch, gone := c.takeRenewals(now, expected)
		lost = append(lost, gone...)
		if batch == nil {
			break
		}
		c.renewing++
		jobs = append(jobs, func(ctx context.Context) { c.renew(ctx, batch) })
	}
	l := c.lanes[deleting]
	for ds := l.take(now, c.fifo || c.flushing > 0); ds != nil; ds = l.take(now, c.fifo || c.flushing > 0) {
		l.running++
		batch := c.takeSettlings(ds, now)
		jobs = append(jobs, func(ctx context.Context) { c.delete(ctx, batch) })
	}
	l = c.lanes[releasing]
	for ds := l.take(now, true); ds != nil; ds = l.take(now, true) {
		l.running++
		batch := c.takeSettlings(ds, now)
		jobs = append(jobs, func(ctx context.Context) { c.release(ctx, batch) })
	}
	l = c.lanes[lettering]
	for ds := l.take(now, true); ds != nil; ds = l.take(now, true) {
		l.running++
		for _, d := range ds {
			d.sending = true
		}
		jobs = append(jobs, func(ctx context.Context) { c.sendLetters(ctx, ds) })
	}

	at := now.Add(heartbeat)
	if d := c.renewals.first(); d != nil && c.renewing < maxRenewals && d.renewAt.Before(at) {
		at = d.renewAt
	}
	for _, l := range c.lanes {
		if t := l.next(); !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return jobs, lost, max(0, at.Sub(now))
}

// Flush waits until nothing is left to settle: all that was ended is deleted,
// stored and deleted, or released. It returns ctx's cause where that ends first.
// Deletes do not wait for full batches meanwhile. Keep must be running.
func (c *Consumer) Flush(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushing++
	defer func() { c.flushing-- }()
	wake(c.keepWake)
	for c.settling > 0 {
		if c.settled == nil {
			c.settled = make(chan struct{})
		}
		settled, left := c.settled, c.settling
		c.mu.Unlock()
		select {
		case <-settled:
			c.mu.Lock()
		case <-ctx.Done():
			c.mu.Lock()
			return fmt.Errorf("consumer: %d messages still to be settled: %w", left, context.Cause(ctx))
		}
	}
	return nil
}

// Abandon releases everything that has no outcome yet, letters that cannot be
// stored included, and waits until nothing is left to settle or ctx ends. It
// returns how many messages were stranded. Work that is done is never made
// visible again. The handler is not told. Receive must have returned, or wait for polls
// that do not come back: what they bring is released. Keep must be running.
func (c *Consumer) Abandon(ctx context.Context) int {
	c.mu.Lock()
	c.abandoned = true
	for _, d := range c.held {
		if d.state == waiting || d.state == lettering && !d.sending {
			c.strand(d)
		}
	}
	c.mu.Unlock()
	_ = c.Flush(ctx) // what is left of it shows in Stats
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stranded
}

// strand releases a message whose work could not be finished.
func (c *Consumer) strand(d *Delivery) {
	c.countStranded(d)
	c.count(d, message.Released)
	c.move(d, releasing)
}

// strandRest counts what SQS never said to be deleted or visible again, and what was let
// go and is not visible yet: no request asks any more. Each message comes again when its
// lease ends, if it is still there.
func (c *Consumer) strandRest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.held {
		c.countStranded(d)
	}
	letGo := c.hidden.left(time.Now())
	c.stranded += letGo
	c.metrics.Stranded.Add(letGo)
}

// countStranded wants c.mu held. It counts a message once.
func (c *Consumer) countStranded(d *Delivery) {
	if d.stranded {
		return
	}
	d.stranded = true
	c.stranded++
	d.msg.Stranded()
}
