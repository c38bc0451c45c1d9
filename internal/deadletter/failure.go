package deadletter

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
)

// milliseconds is RFC 3339 as precise as SQS's own times.
const milliseconds = "2006-01-02T15:04:05.000Z07:00"

// filled completes the letter's Failure. A message that was a letter before keeps the id,
// the sent time and the sequence number of its first life: they are in its Order.
func (l Letter) filled(original map[string]message.Attribute, worker string, now time.Time) message.Failure {
	f, u := l.Failure, l.Update
	f.Receives = u.Receives
	f.MessageID = u.Order.MessageID
	f.SentAt = u.Order.SentAt.UTC().Format(milliseconds)
	f.SequenceNumber = u.Order.Sequence
	f.DedupKey = u.Key
	if u.TimeFrom != "" { // else the body was not read, and may have a time of its own
		f.OccurredAt = u.Order.EventTime.UTC().Format(time.RFC3339Nano)
	}
	f.FailedAt = now.UTC().Format(milliseconds)
	f.Worker = worker
	f.Original = original
	return f
}

// shrinking yields f as a whole, and then with less and less of what a letter can do
// without; for a brief letter only the least. All of them have what places the update among
// those of its thing.
func shrinking(f message.Failure, much detail) iter.Seq[message.Failure] {
	return func(yield func(message.Failure) bool) {
		steps := []func(){
			func() {},
			func() { f.Detail = "" },
			func() { f.Faults = f.Faults[:min(1, len(f.Faults))] },
			func() { f.Faults = nil },
			func() { f.RequestID = "" },
			func() { f.Original = nil },
		}
		for i, less := range steps {
			less()
			if much > whole && i < len(steps)-1 {
				continue
			}
			if !yield(f) {
				return
			}
		}
	}
}

// encode returns f as compact JSON on one line. JSON escapes all characters that SQS does
// not take in an attribute (those that XML 1.0 does not have), except two.
func encode(f message.Failure) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(f) // strings and numbers always encode; bytes that are not UTF-8 become U+FFFD
	return escapeNoncharacters.Replace(strings.TrimSuffix(out.String(), "\n"))
}

var escapeNoncharacters = strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`)
