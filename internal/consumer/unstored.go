package consumer

import (
	"time"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
)

// Letters that cannot be stored take up at most a tenth of what may be held, so that
// they keep no healthy message out. What is over that is given back to the queue, and
// comes again later each time. What is kept is tried again soon, and finds out when the
// dead-letter queue works again.

const (
	unstoredShare = 10               // letters that wait for another try hold one part in so many
	putOffFirst   = 30 * time.Second // delay of a message that was received once; doubled with each receive
	putOffMax     = 15 * time.Minute
	stopTries     = 3 // of a letter, at most, once receiving has ended
)

// unstored are the messages whose letters failed and are held for another try. Guarded
// by Consumer.mu.
type unstored struct {
	count int
	bytes int64
	since time.Time // when count last left 0
	code  string    // of the last failure
	// failing: the last batch stored no letter, and not for what was in them. Then no
	// other is likely to be stored, those that were not tried yet included.
	failing bool
	// trial is the one letter over the bound that is tried for the first time while
	// failing is set: should those that are kept fail for a reason of their own, it is
	// what finds out.
	trial *Delivery
}

// lettersEnded records how a batch of letters ended, of which none was stored or some
// were. When letters begin to fail, those that wait for their first try fall under the
// bound as well. It wants c.mu held.
func (c *Consumer) lettersEnded(none bool, err error) {
	failing := none && !deadletter.RefusedContent(err)
	began := failing && !c.unstored.failing
	c.unstored.failing = failing
	if !began {
		return
	}
	for _, d := range c.held {
		if d.state == lettering && !d.sending {
			c.notTried(d)
		}
	}
}

// letterFailed lines d up for another try of its letter, or gives it back. It wants
// c.mu held.
func (c *Consumer) letterFailed(d *Delivery, now time.Time) {
	stops := c.poll.ended && d.tries+1 >= stopTries // a stop waits for no dead-letter queue
	if stops || !c.keep(d) {
		c.putOff(d)
		return
	}
	c.tryLater(d, now)
}

// notTried decides over a letter that was not tried yet, while others fail. It wants
// c.mu held.
func (c *Consumer) notTried(d *Delivery) {
	switch {
	case c.keep(d):
	case c.unstored.trial == nil:
		c.unstored.trial = d
	default:
		c.putOff(d)
	}
}

// keep reports whether there is room to hold d until its letter can be stored. For one
// there is in any case: it finds out when letters can be stored again.
func (c *Consumer) keep(d *Delivery) bool {
	u := &c.unstored
	if d.unstored {
		return true
	}
	if u.count > 0 && (u.count >= c.o.MaxHeld/unstoredShare || u.bytes+d.size > c.o.MaxHeldBytes/unstoredShare) {
		return false
	}
	if u.count == 0 {
		u.since = time.Now()
	}
	d.unstored = true
	u.count++
	u.bytes += d.size
	return true
}

// putOff gives d back to the queue for a while that grows with its receives, at once
// where the worker stops. A crash here leaves it to the end of its lease.
func (c *Consumer) putOff(d *Delivery) {
	d.delay = min(putOffFirst<<min(d.receives-1, 10), putOffMax)
	if c.poll.ended {
		d.delay = 0
	}
	d.story.LetterPutOff(c.unstored.code, d.delay)
	c.metrics.LettersPutOff.Inc()
	c.count(d, message.Released)
	c.move(d, releasing)
}

// noLonger takes a message that leaves its state out of those with letters to be tried
// again.
func (u *unstored) noLonger(d *Delivery) {
	if u.trial == d {
		u.trial = nil
	}
	if d.unstored {
		d.unstored = false
		u.count--
		u.bytes -= d.size
	}
}
