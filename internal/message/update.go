package message

import (
	"strings"
	"time"
)

// Update is what a message asks for: new values for some members of one thing.
type Update struct {
	// Thing is the Identifier of the managed thing.
	Thing string
	// Members are the values to set, in the order in which the producer wrote
	// them, Identifier and top-level nulls left out. Empty: nothing to set.
	Members []Member
	// Key is the dedup key with its origin in front, at most MaxKey bytes.
	// It belongs to its thing: two things may have the same key.
	Key string
	// Order is the update's place among the updates of its thing.
	Order Order
	// Receives is how often the message was received, a letter's life before it
	// was moved back included.
	Receives int
	// TimeFrom says where Order.EventTime comes from.
	TimeFrom TimeSource
	// TimeIgnored says why an event time that was given does not count; empty
	// where it counts or none was given.
	TimeIgnored TimeFault
	// Wrappings names what the request was wrapped in, outermost first.
	Wrappings []string
	// Letter is the Failure that a worker stamped on the message when it was
	// dead-lettered before; nil for a message that was never a letter.
	Letter *Failure

	bodyHasTime bool
}

// BodyHasTime reports whether the body by itself, a wrapping in it, gives the
// event time that counts: a dead letter without the attribute OccurredAt still
// carries it then.
func (u Update) BodyHasTime() bool { return u.bodyHasTime }

// NewerIfSentAgain reports whether a producer that sends the message once more makes a
// newer update of it, with the same dedup key: only the time it was sent counts, and
// the key is the producer's own.
func (u *Update) NewerIfSentAgain() bool {
	return u.TimeFrom == TimeFromSent && !strings.HasPrefix(u.Key, originSQS+":")
}

// MaxRequestBytes is the largest request body that the worker sends: what fits
// into an SQS message.
const MaxRequestBytes = 1 << 20

// Size is the number of bytes of the request body that sets these members: a
// JSON object without white space around them.
func (u Update) Size() int {
	size := len("{}")
	for i, m := range u.Members {
		if i > 0 {
			size += len(",")
		}
		size += len(m.Name) + len(`"":`) + len(m.Value)
	}
	return size
}

// Member is one member of an update: the API's own name and the value exactly as
// the producer wrote it.
type Member struct {
	Name  string // of an Update: shares no memory with the body
	Value []byte // raw JSON; never modified, may share memory with the body
}

// TimeSource is where an event time comes from.
type TimeSource string

const (
	TimeFromAttribute TimeSource = "attribute" // OccurredAt
	TimeFromWrapping  TimeSource = "wrapping"  // the innermost wrapping that has one
	TimeFromSent      TimeSource = "sent"      // SentTimestamp: nothing else, or nothing believable, was given
)

// TimeFault is why an event time was not believed. A closed set.
type TimeFault string

const (
	TimeUnreadable TimeFault = "unreadable" // given, but in no form that is taken
	TimeAfterSent  TimeFault = "after_sent" // a clock ahead: SentTimestamp counts
	TimeTooOld     TimeFault = "too_old"    // a clock never set: SentTimestamp counts
)

// TimeFaults lists every TimeFault, for metrics that exist from the start.
var TimeFaults = []TimeFault{TimeUnreadable, TimeAfterSent, TimeTooOld}

// MaxKey is the most bytes a dedup key has; a longer one is replaced by its
// SHA-256, so that what remembers keys is bounded.
const MaxKey = 256

// Order places an update among the updates of its thing. It is total: event
// time, then the FIFO sequence number, then the sent time, then the message id.
type Order struct {
	EventTime time.Time // nanoseconds count
	Sequence  string    // decimal, without bounds; empty sorts before every number
	SentAt    time.Time // milliseconds
	MessageID string
}

// Compare returns -1, 0 or +1 as o comes before, is, or comes after p.
func (o Order) Compare(p Order) int {
	if c := o.EventTime.Compare(p.EventTime); c != 0 {
		return c
	}
	if c := compareDecimal(o.Sequence, p.Sequence); c != 0 {
		return c
	}
	if c := o.SentAt.Compare(p.SentAt); c != 0 {
		return c
	}
	return strings.Compare(o.MessageID, p.MessageID)
}

// After reports whether o is strictly newer than p.
func (o Order) After(p Order) bool { return o.Compare(p) > 0 }

func compareDecimal(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		if len(a) < len(b) {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}
