package consumer

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// state is where a message is; see the package comment.
type state int

const (
	waiting   state = iota // the handler has it
	lettering              // its letter is to be stored
	deleting
	releasing
	gone
)

// Delivery is one message handed to the Handler, and the hold on its lease. Its methods
// may be called from any goroutine and return at once. Of Settle, DeadLetter and Release
// only the first call has an effect, and none after Lost.
type Delivery struct {
	c    *Consumer
	msg  timeline.Message
	size int64

	// All below is guarded by c.mu.

	handle    string // the newest
	receives  int    // ApproximateReceiveCount of the receive that brought handle
	handleAt  time.Time
	leaseEnd  time.Time
	state     state
	endedAt   time.Time
	counted   bool // its outcome
	delivered bool // Deliver has returned
	lost      bool // Lost is to be called, or was
	stranded  bool // it is counted as such
	refused   bool // SQS refused handle: the message is deleted, visible or another's

	busy    bool              // an operation on the source queue is under way
	sending bool              // its letter is under way
	stuck   bool              // its ending failed, or is likely to: it is held for another try
	again   *message.Incoming // received again while its release was under way

	renewAt      time.Time     // when its lease needs something
	early        time.Duration // by how much it may go sooner, to fill a batch
	renewFails   int
	renewalPlace int // in c.renewals

	queued     bool // is in the queue of its state
	tries      int  // of its state's operation, failed
	retryAt    time.Time
	laterPlace int // in the queue's later

	delay   time.Duration // of a release
	update  *message.Update
	failure *message.Failure // of a letter
}

// Message is the message and its history.
func (d *Delivery) Message() *timeline.Message { return &d.msg }

// Until is when the message's lease ends by our clock, less a margin: a second, or a tenth
// of the first lease if that is less. It is the Unix epoch if the message does not wait any
// more. A renewal moves it.
func (d *Delivery) Until() time.Time {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.state != waiting {
		return time.Unix(0, 0)
	}
	return d.liveUntilLocked()
}

// Live reports whether the message waits and its lease is ours by our clock. It looks
// at both clocks: the monotonic one stands still while a machine is suspended.
func (d *Delivery) Live() bool {
	until, now := d.Until(), time.Now()
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}

// Settle deletes the message: its outcome o is durable. o is counted now. A crash right
// here leaves the message in the queue, to be received again when its lease ends.
func (d *Delivery) Settle(o message.Outcome) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.state != waiting {
		return
	}
	d.c.countLocked(d, o)
	d.c.moveLocked(d, deleting)
}

// DeadLetter stores a copy in the dead-letter queue, then deletes the message. u is what
// could be read of it.
func (d *Delivery) DeadLetter(u *message.Update, f message.Failure) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.state != waiting {
		return
	}
	d.update, d.failure = u, &f
	d.c.moveLocked(d, lettering)
}

// Release makes the message visible again after delay, rounded up to whole seconds and
// bounded by what SQS allows.
func (d *Delivery) Release(delay time.Duration) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.state != waiting {
		return
	}
	d.delay = max(0, delay)
	d.c.countLocked(d, message.Released)
	d.c.moveLocked(d, releasing)
}

// liveUntilLocked is the lease's end, less the margin in which nothing starts.
func (d *Delivery) liveUntilLocked() time.Time {
	return d.leaseEnd.Add(-min(time.Second, d.c.o.Visibility/10))
}
