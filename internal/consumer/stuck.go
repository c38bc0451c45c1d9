package consumer

import (
	"time"

	"managed-thing-updater/internal/message"
)

// Messages whose ending fails (a letter that is not stored, a delete or a release that SQS
// refuses) take up at most a tenth of what may be held, so that they keep no healthy
// message out. Those that are kept are tried again soon, and show when the ending works
// again. The others go back to the queue:
//
//   - A message whose letter is not stored is put off: made visible again, later each time.
//   - One that cannot be deleted or released is let go: left in the queue to the end of its
//     lease. No request is made for it, so the worker never makes work that is done visible
//     again. It comes again when the lease ends, and is only deleted then if it was settled
//     (finished.go).

// stuckShare is the part of what may be held that one ending's failed messages may take
// up: one in so many.
const stuckShare = 10

const (
	putOffFirst = 30 * time.Second // delay of a message that was received once; doubled with each receive
	putOffMax   = 15 * time.Minute
	stopTries   = 3 // of a letter, at most, once receiving has ended
)

// stuck are the messages of one ending that failed and are held for another try. Guarded
// by Consumer.mu.
type stuck struct {
	count int
	bytes int64
	since time.Time // when count last left 0
	code  string    // of the last failure
	// failing: the last batch failed as a whole, and not for what was in it. Then the next
	// is likely to fail, with those that were not tried yet.
	failing bool
	// trial is the one message over the bound that is tried nevertheless, while failing is
	// set. Those that are kept may fail for reasons of their own: then the trial shows that
	// the ending works again.
	trial *Delivery
}

// keep reports whether there is room to hold d for another try. There always is for one:
// it shows when the ending works again.
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

// noLonger takes out a message that leaves its state. s is nil for one that waits: it is
// in no ending.
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

// batchEndedLocked records whether a batch of an ending failed, so that the next is likely
// to fail too. When that begins, the bound holds for those that wait for their first try
// as well.
func (c *Consumer) batchEndedLocked(ending state, failing bool) {
	s := c.stuck[ending]
	began := failing && !s.failing
	s.failing = failing
	if !began {
		return
	}
	for _, d := range c.held {
		if d.state == ending {
			c.notTriedLocked(d)
		}
	}
}

// notTriedLocked decides what to do with a message whose ending was not tried yet, if the
// endings of others fail.
func (c *Consumer) notTriedLocked(d *Delivery) {
	s := c.stuck[d.state]
	switch {
	case !s.failing, d.sending:
	case d.state != lettering && (d.busy || c.poll.ended): // letGoLocked says why
	case s.keep(d):
	case s.trial == nil:
		s.trial = d
	case d.state == lettering:
		c.putOffLocked(d)
	default:
		c.letGoLocked(d)
	}
}

// letterFailedLocked lines d up for another try of its letter, or puts it off. A stop waits
// for no dead-letter queue.
func (c *Consumer) letterFailedLocked(d *Delivery, now time.Time) {
	stops := c.poll.ended && d.tries+1 >= stopTries
	if stops || !c.stuck[lettering].keep(d) {
		c.putOffLocked(d)
		return
	}
	c.tryLaterLocked(d, now)
}

// putOffLocked gives d back to the queue for a while that grows with its receives; at once
// if the worker stops. A crash here leaves it to the end of its lease.
func (c *Consumer) putOffLocked(d *Delivery) {
	d.delay = min(putOffFirst<<min(d.receives-1, 10), putOffMax)
	if c.poll.ended {
		d.delay = 0
	}
	d.msg.LetterPutOff(c.stuck[lettering].code, d.delay)
	c.countLocked(d, message.Released)
	c.moveLocked(d, releasing)
}

// settleFailedLocked lines d up for another try of its delete or release, or lets it go. A
// stop lets nothing go: no message comes in that needs the room.
func (c *Consumer) settleFailedLocked(d *Delivery, code string, now time.Time) {
	c.stuck[d.state].code = code
	if c.poll.ended || c.stuck[d.state].keep(d) {
		c.tryLaterLocked(d, now)
		return
	}
	c.letGoLocked(d)
}

// letGoLocked leaves d to the end of its lease. It must not be busy: SQS may hand out a
// message twice, and at most one operation is under way for it. A crash here changes
// nothing.
func (c *Consumer) letGoLocked(d *Delivery) {
	d.msg.LetGo(c.stuck[d.state].code, time.Until(d.leaseEnd))
	c.hidden.add(d.liveUntilLocked(), time.Now())
	c.giveUpLocked(d)
}

// hidden counts the messages that were let go, by the second in which their lease ends by
// our clock. Until then SQS has said neither that they are deleted nor that they are
// visible.
type hidden map[int64]int

func (h hidden) add(end, now time.Time) {
	if _, in := h[end.Unix()]; !in {
		h.forget(now)
	}
	h[end.Unix()]++
}

// forget drops those that are visible by now. So h is bounded by the longest lease: 12 h.
func (h hidden) forget(now time.Time) {
	for end := range h {
		if end <= now.Unix() {
			delete(h, end)
		}
	}
}

// left is how many are not visible yet.
func (h hidden) left(now time.Time) (n int) {
	h.forget(now)
	for _, count := range h {
		n += count
	}
	return n
}
