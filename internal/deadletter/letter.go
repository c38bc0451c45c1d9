// Package deadletter knows what a dead letter looks like and stores it.
//
// A letter is a copy of the message: the same body, byte for byte, with its attributes,
// trace header and message group. If SQS leaves room for it, a letter also says when the
// event happened (OccurredAt), why the message was given up (Failure), and its key
// (DeduplicationId). So a letter that is moved back later, with any tool, takes its old
// place among the updates of its thing, and does not overwrite newer values.
package deadletter

import (
	"maps"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// Letter is a message to be stored in the dead-letter queue.
type Letter struct {
	Message message.Incoming
	// Update is what could be read of the message; never nil.
	Update *message.Update
	// Failure needs Reason, Code, Detail, Faults, Attempts and RequestID. The rest is
	// filled in.
	Failure message.Failure
	// Trace is the message's span; nil if it has none.
	Trace *telemetry.MessageTrace
}

// detail is how much a letter adds to the message.
type detail int

const (
	whole    detail = iota
	brief           // of Failure only what places the update, and no DeduplicationId
	timeOnly        // OccurredAt alone
	bare            // the message as it is
)

// copied is a letter as it goes out.
type copied struct {
	letter     Letter
	limit      int // bytes that the queue takes
	detail     detail
	attributes map[string]message.Attribute
	bytes      int // of body and attributes
	// timeless: the letter does not say when its event happened. If it is moved back, it
	// counts as new.
	timeless bool
}

// copyOf adds the letter's attributes to the message's own, the most important first:
// OccurredAt, Failure, DeduplicationId. It adds as many as much allows and as there is room
// for in limit bytes. If there is no room for one, a producer's attribute of that name
// stays as it is.
func (l Letter) copyOf(worker string, now time.Time, limit int, much detail) copied {
	c := copied{letter: l, limit: limit, detail: much, attributes: maps.Clone(l.Message.Attributes), bytes: sqswire.Size(l.Message)}
	if c.attributes == nil {
		c.attributes = map[string]message.Attribute{}
	}
	u := l.Update

	original := c.originals(u)
	timed := u.TimeFrom != "" && much < bare && c.put(message.AttributeOccurredAt, u.Order.EventTime.UTC().Format(time.RFC3339Nano))
	if !timed && !c.movedBack() {
		delete(original, message.AttributeOccurredAt) // it stays
	}
	failed := c.putFailure(l.filled(original, worker, now), u.Key)
	c.timeless = u.TimeFrom != "" && !timed && !failed && u.Letter == nil && u.TimeFrom != message.TimeFromAttribute && !u.BodyHasTime()
	return c
}

// originals are the producer's own values under the letter's names. If the message was a
// letter before, a worker wrote those names, and its Failure has the producer's values.
func (c *copied) originals(u *message.Update) map[string]message.Attribute {
	if c.movedBack() {
		return maps.Clone(u.Letter.Original)
	}
	original := map[string]message.Attribute{}
	for _, name := range []string{message.AttributeOccurredAt, message.AttributeFailure, message.AttributeDeduplicationID} {
		if a, ok := c.attributes[name]; ok {
			original[name] = a
		}
	}
	return original
}

// putFailure adds as much of f as there is room for, and the dedup key. Beside a Failure,
// DeduplicationId is read as the whole key, so one that is not ours must go; without any,
// the dedupKey in Failure is read.
func (c *copied) putFailure(f message.Failure, key string) bool {
	if c.detail > brief || !c.has(message.AttributeFailure) && len(c.attributes) == sqswire.MaxAttributes {
		return false
	}
	producers, hadKey := c.attributes[message.AttributeDeduplicationID]
	c.drop(message.AttributeDeduplicationID)
	for smaller := range shrinking(f, c.detail) {
		if c.put(message.AttributeFailure, encode(smaller)) {
			if c.detail == whole {
				c.put(message.AttributeDeduplicationID, key)
			}
			return true
		}
	}
	if hadKey {
		c.attributes[message.AttributeDeduplicationID] = producers
		c.bytes += sqswire.AttributeSize(message.AttributeDeduplicationID, producers)
	}
	return false
}

// movedBack reports whether the message was a letter before, and has that letter's
// attributes: it has not if its Failure is inside an envelope.
func (c *copied) movedBack() bool {
	return c.letter.Update.Letter != nil && c.has(message.AttributeFailure)
}

func (c *copied) has(name string) bool {
	_, ok := c.attributes[name]
	return ok
}

// put sets a String attribute, if SQS takes the message with it.
func (c *copied) put(name, text string) bool {
	a := message.Attribute{DataType: "String", StringValue: text}
	old, taken := c.attributes[name]
	after := c.bytes + sqswire.AttributeSize(name, a)
	if taken {
		after -= sqswire.AttributeSize(name, old)
	}
	if text == "" || !message.WritableInAttribute(text) || after > c.limit || !taken && len(c.attributes) >= sqswire.MaxAttributes {
		return false
	}
	c.attributes[name], c.bytes = a, after
	return true
}

func (c *copied) drop(name string) {
	if a, ok := c.attributes[name]; ok {
		c.bytes -= sqswire.AttributeSize(name, a)
		delete(c.attributes, name)
	}
}
