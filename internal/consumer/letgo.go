package consumer

import "time"

// Messages whose delete or release fails and that find no room (stuck.go) are let go:
// left in the queue to the end of their lease. No request is made for them, so work that
// is done is never made visible again by the worker. They come again when the lease ends;
// those that were settled are only deleted then (finished.go).

// settleFailed lines d up for another try of its delete or release, or lets it go. A stop
// lets nothing go: no message comes in for which there must be room. It wants c.mu held.
func (c *Consumer) settleFailed(d *Delivery, code string, now time.Time) {
	c.stuck[d.state].code = code
	if c.poll.ended || c.stuck[d.state].keep(d) {
		c.tryLater(d, now)
		return
	}
	c.letGo(d)
}

// letGo leaves d to the end of its lease. It must not be busy: SQS may hand out a message
// twice, and at most one operation is under way for it. A crash here changes nothing. It
// wants c.mu held.
func (c *Consumer) letGo(d *Delivery) {
	end := d.liveUntil()
	d.msg.LetGo(c.stuck[d.state].code, time.Until(d.leaseEnd))
	c.hidden.add(end, time.Now())
	c.giveUp(d)
}

// hidden counts the messages that were let go by the second in which their lease ends by
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
