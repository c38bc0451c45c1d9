package consumer

import (
	"context"
	"fmt"
	"time"

	"managed-thing-updater/internal/message"
)

// Keep renews leases and settles until ctx ends, and returns when its requests have ended;
// these end with ctx. It runs beside Receive and longer: while the worker drains, leases
// are still renewed. End it after Flush and Abandon: what is still held then is stranded.
func (c *Consumer) Keep(ctx context.Context) {
	requests := newWorkerPool()
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

// next returns the requests that are due, the deliveries that are lost and whose handler
// does not know yet, and for how long nothing else is due.
func (c *Consumer) next() (jobs []func(context.Context), lost []*Delivery, wait time.Duration) {
	expected := c.o.ExpectedWait() // before our lock: it may take a lock whose holder waits for ours
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.keepBeat = now

	for c.renewing < maxRenewals {
		batch, gone := c.takeRenewalsLocked(now, expected)
		lost = append(lost, gone...)
		if batch == nil {
			break
		}
		c.renewing++
		jobs = append(jobs, func(ctx context.Context) { c.renew(ctx, batch) })
	}
	at := now.Add(heartbeat)
	if d := c.renewals.First(); d != nil && c.renewing < maxRenewals && d.renewAt.Before(at) {
		at = d.renewAt
	}
	for ending := lettering; ending < gone; ending++ {
		q := c.queues[ending]
		flush := ending != deleting || c.fifo || c.flushing > 0
		for ds := q.take(now, flush); ds != nil; ds = q.take(now, flush) {
			q.running++
			jobs = append(jobs, c.settleJobLocked(ending, ds, now))
		}
		if t := q.next(); !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return jobs, lost, max(0, at.Sub(now))
}

// Flush waits until nothing is left to settle: all that was ended is deleted, stored and
// deleted, or released. If ctx ends first, Flush returns its cause. Meanwhile deletes do
// not wait for full batches. Keep must be running.
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

// Abandon releases everything that has no outcome yet, also letters that cannot be stored,
// and waits until nothing is left to settle or ctx ends. It returns how many messages were
// stranded. It never makes work that is done visible again, and does not tell the handler.
// Receive must have returned, or wait for polls that do not come back: what they bring is
// released. Keep must be running.
func (c *Consumer) Abandon(ctx context.Context) int {
	c.mu.Lock()
	c.abandoned = true
	for _, d := range c.held {
		if d.state == waiting || d.state == lettering && !d.sending {
			c.strandLocked(d)
		}
	}
	c.mu.Unlock()
	_ = c.Flush(ctx) // Stats shows what is left
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stranded
}

// strandLocked releases a message whose work could not be finished.
func (c *Consumer) strandLocked(d *Delivery) {
	c.countStrandedLocked(d)
	c.countLocked(d, message.Released)
	c.moveLocked(d, releasing)
}

// strandRest counts as stranded the messages of which SQS never said that they are deleted
// or visible again, and those that were let go and are not visible yet. No request asks
// any more. Each message comes again when its lease ends, if it is still there.
func (c *Consumer) strandRest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.held {
		c.countStrandedLocked(d)
	}
	letGo := c.hidden.left(time.Now())
	c.stranded += letGo
	c.metrics.Stranded.Add(letGo)
}

// countStrandedLocked counts a message once.
func (c *Consumer) countStrandedLocked(d *Delivery) {
	if d.stranded {
		return
	}
	d.stranded = true
	c.stranded++
	d.msg.Stranded()
}
