package consumer

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// leaseLocked starts the first lease of a receipt handle.
func (d *Delivery) leaseLocked(handle string, now time.Time) {
	d.handle, d.handleAt, d.refused = handle, now, false
	d.c.leasedLocked(d, now, d.c.o.Visibility)
}

// countLocked gives a message its one outcome.
func (c *Consumer) countLocked(d *Delivery, o message.Outcome) {
	d.counted = true
	c.undecided--
	c.counts[o]++
	d.msg.Ended(o, d.failure)
}

// moveLocked moves a message to the state of its ending, and into that state's queue.
func (c *Consumer) moveLocked(d *Delivery, to state) {
	c.stuck[d.state].noLonger(d)
	if q := c.queues[d.state]; q != nil {
		q.drop(d)
	} else {
		c.settling++
	}
	d.state, d.endedAt, d.tries = to, time.Now(), 0
	if to == releasing {
		c.renewals.Remove(d)
	}
	c.notTriedLocked(d) // before enqueueLocked: it may let d go, or put it off
	c.enqueueLocked(d)
}

// enqueueLocked puts a message into the queue of its ending. If an operation is under way
// for it, the end of that operation calls enqueueLocked again. Keep is woken only if it has
// something to do sooner by it: a busy worker settles thousands a second, and most of them
// join a batch that is not full.
func (c *Consumer) enqueueLocked(d *Delivery) {
	q := c.queues[d.state]
	if q == nil || d.queued || d.busy || d.sending {
		return
	}
	wait := time.Duration(0)
	if d.state == deleting && !c.fifo {
		wait = batchWait
	}
	if q.push(d, wait) {
		wake(c.keepWake)
	}
}

// acceptLocked takes in what a receive brought, and returns the delivery to hand over; nil
// if there is none.
func (c *Consumer) acceptLocked(m message.Incoming, handle string, now time.Time) *Delivery {
	if d := c.held[m.ID]; d != nil {
		c.again++
		d.msg.ReceivedAgain(m.Receives)
		if m.Receives < d.receives {
			return nil // the earlier of two polls came back later: its handle is the older one
		}
		if d.state == releasing && d.busy {
			d.again = &m // the release made it visible: it starts afresh when that has ended
		}
		d.receives = m.Receives
		d.leaseLocked(handle, now)
		return nil
	}
	d := &Delivery{
		c: c, msg: c.history.Received(m, now), size: int64(sqswire.Size(m)), receives: m.Receives,
	}
	c.held[m.ID] = d
	c.bytes += d.size
	c.received++
	c.undecided++
	d.leaseLocked(handle, now)
	switch {
	case c.finished.has(m.ID, now): // only its delete is missing
		c.countLocked(d, message.Duplicate)
		c.moveLocked(d, deleting)
	case c.poll.ended:
		d.msg.Stopping()
		c.countLocked(d, message.Released)
		c.moveLocked(d, releasing)
	default:
		return d
	}
	return nil
}

// deliver hands over what one receive brought.
func (c *Consumer) deliver(ds ...*Delivery) {
	if len(ds) == 0 {
		return
	}
	c.handler.Deliver(ds)
	var lost []*Delivery
	c.mu.Lock()
	for _, d := range ds {
		d.delivered = true
		if d.lost {
			lost = append(lost, d)
		}
	}
	c.mu.Unlock()
	for _, d := range lost {
		c.handler.Lost(d)
	}
}

// removeLocked frees the room of a message that is gone.
func (c *Consumer) removeLocked(d *Delivery) {
	if d.state == gone {
		return
	}
	if q := c.queues[d.state]; q != nil {
		q.drop(d)
		c.settling--
	}
	c.stuck[d.state].noLonger(d)
	c.renewals.Remove(d)
	d.state = gone
	delete(c.held, d.msg.ID)
	c.bytes -= d.size
	if c.settling == 0 && c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
	wake(c.pollWake)
}

// giveUpLocked removes a message of which SQS has not said that it is deleted or visible
// again. While the worker stops it counts as stranded: the sums at the end claim nothing
// that is not known.
func (c *Consumer) giveUpLocked(d *Delivery) {
	if c.poll.ended && !d.refused {
		c.countStrandedLocked(d)
	}
	if d.state == deleting {
		c.finished.add(d.msg.ID, time.Now())
	}
	c.removeLocked(d)
}

// loseLocked ends a message whose lease is gone. It reports whether to tell the handler,
// which the caller does without the lock.
func (c *Consumer) loseLocked(d *Delivery) bool {
	was := d.state
	d.msg.LeaseLost()
	if !d.counted {
		c.countLocked(d, message.Released)
	}
	c.giveUpLocked(d)
	return was == waiting && c.tellLocked(d)
}

// tellLocked reports whether Lost may be called now. If Deliver has not returned yet,
// deliver calls Lost after it.
func (c *Consumer) tellLocked(d *Delivery) bool {
	d.lost = true
	return d.delivered
}
