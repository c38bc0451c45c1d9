package redrive

import (
	"time"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/message"
)

// Rules are those that a worker would hold a moved letter against.
type Rules struct {
	MaxEventAge time.Duration // see message.Options
	MaxReceives int           // a letter received more often is not looked into
}

// Verdict is what would become of a letter. A closed set.
type Verdict string

const (
	// WouldBeCalled: it is valid and has its time. The API has the last word; what
	// is older than what a thing has by now is dropped.
	WouldBeCalled Verdict = "would_be_called"
	// WouldChangeNothing: it is valid, and sets nothing.
	WouldChangeNothing Verdict = "would_change_nothing"
	// StillInvalid: a worker would dead-letter it again without a call.
	StillInvalid Verdict = "still_invalid"
	// StillReceivedTooOften: a worker would dead-letter it again without a look.
	StillReceivedTooOften Verdict = "still_received_too_often"
	// WithoutTime: nothing says when its event happened. Moved back, it would count
	// as one of that moment, and could overwrite newer values.
	WithoutTime Verdict = "without_time"
)

// Foresight is what would become of one letter if it were moved back now.
type Foresight struct {
	Verdict Verdict
	Faults  []message.Fault // of one that is still invalid
}

// Foresee says what a worker would make of a letter.
func (r Rules) Foresee(l *mailbox.Letter) Foresight {
	moved := l.Message
	// What SQS gives a message anew when it is sent again; the letter's own say
	// nothing of the message that comes of it.
	moved.ID, moved.SequenceNumber, moved.SentAt, moved.Receives = "moved", "", time.Now(), 1
	if message.Receives(moved) > r.MaxReceives {
		return Foresight{Verdict: StillReceivedTooOften}
	}
	u, faults := message.Decode(moved, message.Options{MaxEventAge: r.MaxEventAge})
	switch {
	// A Failure brings the sent time of the message's first life.
	case u.TimeFrom == message.TimeFromSent && u.Letter == nil:
		return Foresight{Verdict: WithoutTime, Faults: faults}
	case len(faults) > 0:
		return Foresight{Verdict: StillInvalid, Faults: faults}
	case len(u.Members) == 0:
		return Foresight{Verdict: WouldChangeNothing}
	}
	return Foresight{Verdict: WouldBeCalled}
}

// hasTime reports whether a letter keeps its place among the updates of its thing
// when it is moved back. Only a foreign letter may not, and only that is looked
// into.
func (r Rules) hasTime(l *mailbox.Letter) bool {
	return l.Failure != nil || r.Foresee(l).Verdict != WithoutTime
}
