package message

// Reason is why a message was dead-lettered. A closed set.
type Reason string

const (
	InvalidMessage   Reason = "invalid_message"    // it breaks the API's own rules; no call was made
	Rejected         Reason = "rejected"           // ValidationException
	NotFound         Reason = "not_found"          // ResourceNotFoundException, long enough after it was sent
	Denied           Reason = "denied"             // AccessDeniedException or UnauthorizedException for this thing alone
	Exhausted        Reason = "exhausted"          // any other failure of this thing alone, once too often
	ReceivedTooOften Reason = "received_too_often" // it may be what kills the worker
)

// Reasons lists every reason, for metrics that exist from the start.
var Reasons = []Reason{InvalidMessage, Rejected, NotFound, Denied, Exhausted, ReceivedTooOften}

// Failure is the attribute of the same name on a dead letter: compact JSON. It
// never holds the value of a sensitive member.
type Failure struct {
	Reason         Reason  `json:"reason"`
	Code           string  `json:"code,omitempty"`   // the API's error code, or "timeout", "connection", …
	Detail         string  `json:"detail,omitempty"` // for people
	Faults         []Fault `json:"faults,omitempty"` // of an invalid message
	Attempts       int     `json:"attempts"`         // counted failures
	Receives       int     `json:"receives"`
	MessageID      string  `json:"messageId"` // the source message's
	SentAt         string  `json:"sentAt"`    // RFC 3339, milliseconds
	SequenceNumber string  `json:"sequenceNumber,omitempty"`
	DedupKey       string  `json:"dedupKey"`   // empty where the body was not looked at
	OccurredAt     string  `json:"occurredAt"` // RFC 3339 with all its digits; empty as above
	FailedAt       string  `json:"failedAt"`
	RequestID      string  `json:"requestId,omitempty"` // of the last call
	Worker         string  `json:"worker"`
	// Original holds the producer's own value of OccurredAt, Failure or
	// DeduplicationId where the letter's took its name.
	Original map[string]Attribute `json:"original,omitempty"`
}

// Fault is one thing wrong with a message.
type Fault struct {
	// Pointer is the JSON Pointer (RFC 6901) of the offending place, within the
	// document that In names.
	Pointer string `json:"pointer"`
	// In names the wrappings around that document, outermost first, joined by
	// " > "; empty for the body itself.
	In string `json:"in,omitempty"`
	// Rule is the rule that was broken, in the API's terms: "pattern
	// [a-zA-Z0-9]+", "length 1 to 64", "unknown member", …
	Rule string `json:"rule"`
	// Detail describes the offending value by its length or kind, never by the
	// value of a sensitive member, and gives the way out where there is one.
	Detail string `json:"detail"`
}
