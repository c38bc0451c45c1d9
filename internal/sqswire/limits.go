package sqswire

import "managed-thing-updater/internal/message"

// What SQS takes (SQS Developer Guide, "Amazon SQS message quotas" and "Message
// metadata"). Message system attributes, such as AWSTraceHeader, count neither as
// attributes nor as bytes.
const (
	MaxAttributes = 10      // a message
	MaxBytes      = 1 << 20 // a message with its attributes, and all messages of a batch together; a queue may take less
	MaxEntries    = 10      // a batch; also the messages of one receive
)

// Size is how many bytes of MaxBytes a message takes.
func Size(m message.Incoming) int {
	bytes := len(m.Body)
	for name, a := range m.Attributes {
		bytes += AttributeSize(name, a)
	}
	return bytes
}

// AttributeSize is what an attribute adds to a message's size: name, type and value.
func AttributeSize(name string, a message.Attribute) int {
	return len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
}
