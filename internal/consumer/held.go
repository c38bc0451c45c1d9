package consumer

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// The functions here want c.mu held, but for deliver.

// add takes a message that is not held into the ledger, in state waiting.
func (c *Consumer) add(m message.Incoming, handle string, now time.Time) *Delivery {
	d := &Delivery{
		c: c, msg: c.history.Received(m, now), size: int64(sqswire.Size(m)), receives: m.Receives,
		renewalIndex: -1, laneIndex: -1,
	}
	c.held[m.ID] = d
	c.bytes += d.size
	c.received++
	c.undone++
	d.lease(handle, now)
	return d
}

// lease starts the first lease of a receipt handle.
func (d *Delivery) lease(handle string, now time.Time) {
	d.handle, d.handleAt, d.refused = handle, now, false
	d.c.leased(d, now, d.c.o.Visibility)
}

// count gives a message its one outcome.
func (c *Consumer) count(d *Delivery, o message.Outcome) {
	d.counted = true
	c.undone--
	c.counts[o]++
	d.msg.Ended(o, d.failure)
}

// move takes a message on to the state in which it ends and lines it up there. It
// wakes Keep where that has something to do sooner by it.
func (c *Consumer) move(d *Delivery, to state) {
	c.stuck[d.state].noLonger(d)
	if l := c.lanes[d.state]; l != nil {
		l.drop(d)
	} else {
		c.settling++
	}
	d.state, d.endedAt, d.tries = to, time.Now(), 0
	if to == releasing {
		c.renewals.remove(d)
	}
	c.notTried(d) // first: what is let go or put off must not stand in line
	c.enqueue(d)
}

// enqueue lines a message up for its ending, if nothing is under way for it:
// else the end of that does. It wakes Keep where that has something to do sooner
// by it: a busy worker settles thousands a second, and most of them only join a
// batch that is not full.
func (c *Consumer) enqueue(d *Delivery) {
	l := c.lanes[d.state]
	if l == nil || d.queued || d.busy || d.sending {
		return
	}
	wait := time.Duration(0)
	if d.state == deleting && !c.fifo {
		wait = linger
	}
	if l.push(d, wait) {
		wake(c.keepWake)
	}
}

// accept takes in what a receive brought and returns the delivery to hand over,
// nil where there is nothing to hand over.
func (c *Consumer) accept(m message.Incoming, handle string, now time.Time) *Delivery {
	if d := c.held[m.ID]; d != nil {
		c.again++
		d.msg.ReceivedAgain(m.Receives)
		if m.Receives < d.receives {
			return nil // of two polls the earlier one came back later: its handle is the older one
		}
		if d.state == releasing && d.busy {
			d.again = &m // that release is what made it visible: it starts afresh once that has ended
		}
		d.receives = m.Receives
		d.lease(handle, now)
		return nil
	}
	d := c.add(m, handle, now)
	switch {
	case c.finished.has(m.ID, now): // only its delete is missing
		c.count(d, message.Duplicate)
		c.move(d, deleting)
	case c.poll.ended:
		d.msg.Stopping()
		c.count(d, message.Released)
		c.move(d, releasing)
	default:
		return d
	}
	return nil
}

// deliver hands over what one receive brought. It wants c.mu free.
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

// remove takes a message out of the ledger and frees its room.
func (c *Consumer) remove(d *Delivery) {
	if d.state == gone {
		return
	}
	if l := c.lanes[d.state]; l != nil {
		l.drop(d)
		c.settling--
	}
	c.stuck[d.state].noLonger(d)
	c.renewals.remove(d)
	d.state = gone
	delete(c.held, d.msg.ID)
	c.bytes -= d.size
	if c.settling == 0 && c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
	wake(c.pollWake)
}

// giveUp removes a message of which SQS has not said that it is deleted or visible
// again. While the worker stops that counts as stranded: the sums at the end claim
// nothing that is not known.
func (c *Consumer) giveUp(d *Delivery) {
	if c.poll.ended && !d.refused {
		c.countStranded(d)
	}
	if d.state == deleting {
		c.finished.add(d.msg.ID, time.Now())
	}
	c.remove(d)
}

// lose ends a message whose lease is gone and reports whether its handler is to
// be told, which the caller does without the lock.
func (c *Consumer) lose(d *Delivery) bool {
	was := d.state
	d.msg.LeaseLost()
	if !d.counted {
		c.count(d, message.Released)
	}
	c.giveUp(d)
	return was == waiting && c.tell(d)
}

// tell reports whether Lost may be called now; if Deliver has not returned yet,
// its caller calls Lost after it.
func (c *Consumer) tell(d *Delivery) bool {
	d.lost = true
	return d.delivered
}
