package backlog

import (
	"time"

	"managed-thing-updater/internal/message"
)

// Claim is the hold on one message's lease, kept by the consumer, which alone
// talks to the queue. Each method may be called from any goroutine and returns
// at once. Of the three that end the claim only the first call has an effect.
type Claim interface {
	// Live reports whether the lease is ours by our clock. No call starts for a
	// message whose claim is not live.
	Live() bool
	// Until is when the lease ends by our clock; the Unix epoch if the claim
	// has ended.
	Until() time.Time
	// Settle deletes the message: its outcome is durable.
	Settle(o message.Outcome)
	// DeadLetter stores a copy in the dead-letter queue, then deletes the
	// message. f needs Reason, Code, Detail, Faults, Attempts and RequestID;
	// the rest is filled in.
	DeadLetter(u *message.Update, f message.Failure)
	// Release makes the message visible again after delay.
	Release(delay time.Duration)
}
