package message

import "time"

// Incoming is one message as SQS handed it out, before anybody looked inside.
type Incoming struct {
	// ID is SQS's MessageId. A message moved between queues gets a new one.
	ID string
	// Body is the message's text, byte for byte.
	Body string
	// SentAt is SentTimestamp, in whole milliseconds.
	SentAt time.Time
	// SequenceNumber is set on FIFO queues: a decimal number of up to 128 bits.
	SequenceNumber string
	// GroupID is MessageGroupId: the order's scope on a FIFO queue, a tenant's
	// mark on a standard one.
	GroupID string
	// Receives is ApproximateReceiveCount: 1 on the first receive.
	Receives int
	// Attributes are the message attributes, at most 10.
	Attributes map[string]Attribute
	// TraceHeader is the system attribute AWSTraceHeader, empty where there is none.
	TraceHeader string
	// ClockAhead is by how much SQS's clock was ahead of ours when it was received.
	ClockAhead time.Duration
}

// SinceSent is how long ago the message was sent, by SQS's clock.
func (m Incoming) SinceSent(now time.Time) time.Duration {
	return now.Add(m.ClockAhead).Sub(m.SentAt)
}

// Attribute is one message attribute. DataType is String, Number or Binary,
// with an optional custom label behind a dot; exactly one of the values is set.
type Attribute struct {
	DataType    string `json:"type"`
	StringValue string `json:"string,omitempty"`
	BinaryValue []byte `json:"binary,omitempty"` // base64 in JSON
}
