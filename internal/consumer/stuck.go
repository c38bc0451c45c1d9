package consumer

import "time"

// Messages whose ending fails (a letter that is not stored, a delete or a release that
// SQS refuses) take up at most a tenth of what may be held, so that they keep no healthy
// message out. What is kept is tried again soon, and finds out when the ending works
// again. What is over that goes back to the queue, each in its own way: unstored.go for
// letters, letgo.go for deletes and releases.

// stuckShare is the part of what may be held that one ending's failed messages may take
// up: one in so many.
const stuckShare = 10

// stuck are the messages of one ending that failed and are held for another try. Guarded
// by Consumer.mu.
type stuck struct {
	count int
	bytes int64
	since time.Time // when count last left 0
	code  string    // of the last failure
	// failing: the last batch failed as a whole, and not for what was in it. Then the next
	// is likely to, with those that were not tried yet.
	failing bool
	// trial is the one message over the bound that is tried for the first time while
	// failing is set: should those that are kept fail for a reason of their own, it is
	// what finds out.
	trial *Delivery
}

// keep reports whether there is room to hold d for another try. For one there is in any
// case: it finds out when the ending works again.
func (s *stuck) keep(d *Delivery) bool {
	if d.stuck {
		return true
	}
	o := d.c.o
	if s.count > 0 && (s.count >= o.MaxHeld/stuckShare || s.bytes+d.size > o.MaxHeldBytes/stuckShare) {
		return false
	}
	if s.count == 0 {
		s.since = time.Now()
	}
	d.stuck = true
	s.count++
	s.bytes += d.size
	return true
}

// noLonger takes out a message that leaves its state. There is no s for a message that
// waits: it is in no ending.
func (s *stuck) noLonger(d *Delivery) {
	if s == nil {
		return
	}
	if s.trial == d {
		s.trial = nil
	}
	if d.stuck {
		d.stuck = false
		s.count--
		s.bytes -= d.size
	}
}

// batchEnded records whether a batch of an ending has failed as the next is likely to.
// When that begins, those that wait for their first try fall under the bound as well. It
// wants c.mu held.
func (c *Consumer) batchEnded(ending state, failing bool) {
	s := c.stuck[ending]
	began := failing && !s.failing
	s.failing = failing
	if !began {
		return
	}
	for _, d := range c.held {
		if d.state == ending {
			c.notTried(d)
		}
	}
}

// notTried decides over a message whose ending was not tried yet, while that of others
// fails. It wants c.mu held.
func (c *Consumer) notTried(d *Delivery) {
	s := c.stuck[d.state]
	switch {
	case !s.failing, d.sending:
	case d.state != lettering && (d.busy || c.poll.ended): // letGo says why
	case s.keep(d):
	case s.trial == nil:
		s.trial = d
	case d.state == lettering:
		c.putOff(d)
	default:
		c.letGo(d)
	}
}
