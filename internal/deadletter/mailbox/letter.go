package mailbox

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// Letter is a message in a dead-letter queue, or one saved from there.
type Letter struct {
	// Message is the letter as it stands in the queue; the message that it was
	// made of is what Failure speaks of.
	Message         message.Incoming
	DeduplicationID string // on a FIFO queue
	// Source is the ARN of the queue from which SQS itself moved it, by that
	// queue's redrive policy; empty otherwise.
	Source string
	// Failure is what a worker wrote on it; nil on a foreign letter, which SQS or
	// another tool put there, or which had no room.
	Failure *message.Failure
	// Thing is the Identifier in the body, as written; empty where there is none,
	// or where no worker has dared to look into it.
	Thing string
	// Later: it came to the queue after the Box had begun to look.
	Later bool

	lease *lease
}

func newLetter(m *types.Message, s *lease) *Letter {
	l := &Letter{
		Message:         sqswire.Incoming(m, time.Now()),
		DeduplicationID: m.Attributes[string(types.MessageSystemAttributeNameMessageDeduplicationId)],
		Source:          m.Attributes[string(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)],
		lease:           s,
	}
	l.read()
	return l
}

// read fills what the letter says itself.
func (l *Letter) read() {
	l.Failure = message.Undecoded(l.Message).Letter
	if l.Failure == nil || l.Failure.Reason != message.ReceivedTooOften {
		l.Thing = message.PreviewOf(l.Message.Body).Thing
	}
}

// Since is when the message became a letter, as far as it can be told: of a
// foreign letter, SQS says only when the message was sent.
func (l *Letter) Since() time.Time {
	if l.Failure != nil {
		if at, err := time.Parse(time.RFC3339Nano, l.Failure.FailedAt); err == nil {
			return at
		}
	}
	return l.Message.SentAt
}

// Is reports whether id is the letter's own MessageId or that of the message that
// it was made of.
func (l *Letter) Is(id string) bool {
	return id == l.Message.ID || l.Failure != nil && id == l.Failure.MessageID
}

// Place is what letters have in common that failed alike.
type Place struct {
	Reason  message.Reason `json:"reason"` // empty: a foreign letter
	Code    string         `json:"code,omitempty"`
	In      string         `json:"in,omitempty"` // the wrappings around the first fault
	Pointer string         `json:"pointer,omitempty"`
	Source  string         `json:"source,omitempty"`
}

// Place is where and how the letter's message failed, by its first fault.
func (l *Letter) Place() Place {
	if l.Failure == nil {
		return Place{Source: l.Source}
	}
	p := Place{Reason: l.Failure.Reason, Code: l.Failure.Code}
	if len(l.Failure.Faults) > 0 {
		f := l.Failure.Faults[0]
		p.In, p.Pointer = f.In, f.Pointer
	}
	return p
}

// Bytes is what the letter takes of SQS's limit, and of memory.
func (l *Letter) Bytes() int { return sqswire.Size(l.Message) }
