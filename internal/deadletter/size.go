package deadletter

import (
	"unicode/utf8"

	"managed-thing-updater/internal/message"
)

// What SQS takes (SQS Developer Guide, "Amazon SQS message quotas" and "Message
// metadata"). Message system attributes, such as AWSTraceHeader, count neither as
// attributes nor as bytes.
const (
	maxAttributes = 10      // a message
	MaxBytes      = 1 << 20 // a message with its attributes, and all messages of a batch together; a queue may take less
	MaxEntries    = 10      // a batch
)

// size is what an attribute adds to a message's size: name, type and value.
func size(name string, a message.Attribute) int {
	return len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
}

// storable reports whether SQS takes text as an attribute's value: not empty, and
// of characters that XML 1.0 has (SendMessage, "MessageBody").
func storable(text string) bool {
	if text == "" || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		switch {
		case r == '\t', r == '\n', r == '\r':
		case r < ' ', r == '\ufffe', r == '\uffff':
			return false
		}
	}
	return true
}
