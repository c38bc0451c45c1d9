package consumer

import (
	"time"

	"managed-thing-updater/internal/message"
)

// Letters that cannot be stored and find no room (stuck.go) are given back to the queue,
// and come again later each time.

const (
	putOffFirst = 30 * time.Second // delay of a message that was received once; doubled with each receive
	putOffMax   = 15 * time.Minute
	stopTries   = 3 // of a letter, at most, once receiving has ended
)

// letterFailed lines d up for another try of its letter, or gives it back. It wants
// c.mu held.
func (c *Consumer) letterFailed(d *Delivery, now time.Time) {
	stops := c.poll.ended && d.tries+1 >= stopTries // a stop waits for no dead-letter queue
	if stops || !c.stuck[lettering].keep(d) {
		c.putOff(d)
		return
	}
	c.tryLater(d, now)
}

// putOff gives d back to the queue for a while that grows with its receives, at once
// where the worker stops. A crash here leaves it to the end of its lease.
func (c *Consumer) putOff(d *Delivery) {
	d.delay = min(putOffFirst<<min(d.receives-1, 10), putOffMax)
	if c.poll.ended {
		d.delay = 0
	}
	d.msg.LetterPutOff(c.stuck[lettering].code, d.delay)
	c.count(d, message.Released)
	c.move(d, releasing)
}
