package message

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// The names of the attributes that a worker stamps on a dead letter. A producer
// may set the first and the last itself.
const (
	AttributeOccurredAt      = "OccurredAt"
	AttributeFailure         = "Failure"
	AttributeDeduplicationID = "DeduplicationId"
)

// letterOf is the Failure among these attributes; nil where there is none, or
// one that no worker wrote: the name is not ours alone.
func letterOf(attributes map[string]Attribute) *Failure {
	text, ok := stringAttribute(attributes, AttributeFailure)
	if !ok {
		return nil
	}
	// A newer worker may say more than this one knows.
	var f Failure
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil
	}
	ours := slices.Contains(Reasons, f.Reason) &&
		f.Attempts >= 0 && f.Receives >= 0 &&
		f.MessageID != "" && f.Worker != "" &&
		strings.Trim(f.SequenceNumber, "0123456789") == "" &&
		rfc3339(f.SentAt).readable && rfc3339(f.FailedAt).readable
	// A body that nobody looked at keeps its dedup key and its time to itself.
	ours = ours && (f.Reason == ReceivedTooOften || f.DedupKey != "" && f.OccurredAt != "") &&
		(f.OccurredAt == "" || rfc3339(f.OccurredAt).readable)
	if !ours {
		return nil
	}
	return &f
}

// stringAttribute is the value of an attribute of type String, with or without a
// custom label; an empty one counts as absent.
func stringAttribute(attributes map[string]Attribute, name string) (string, bool) {
	a, ok := attributes[name]
	return a.StringValue, ok && a.kind() == "String" && a.StringValue != ""
}

// kind is the data type without its custom label.
func (a Attribute) kind() string {
	kind, _, _ := strings.Cut(a.DataType, ".")
	return kind
}
