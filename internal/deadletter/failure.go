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

// filled completes the letter's Failure. A message that was a letter before keeps
// the id, the sent time and the sequence number of its first life, which its
// Order has.
func (l Letter) filled(original map[string]message.OriginalAttribute, worker string, now time.Time) message.Failure {
	f, u := l.Failure, l.Update
	f.Receives = u.Receives
	f.MessageID = u.Order.MessageID
	f.SentAt = u.Order.SentAt.UTC().Format(milliseconds)
	f.SequenceNumber = u.Order.Sequence
	f.DedupKey = u.Key
	if u.TimeFrom != "" { // else nobody looked at the body, which may have its own time
		f.OccurredAt = u.Order.EventTime.UTC().Format(time.RFC3339Nano)
	}
	f.FailedAt = now.UTC().Format(milliseconds)
	f.Worker = worker
	f.Original = original
	return f
}

// shrinking gives f whole and then with less and less of what a letter can do
// without; of a brief letter the least only. What places the update among those of
// its thing is in all of them.
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

// encode returns f as compact JSON in one line that SQS takes: JSON escapes all
// that an SQS attribute may not hold (characters that XML 1.0 does not have) but
// for two characters.
func encode(f message.Failure) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(f) // strings and numbers always encode; bytes that are no UTF-8 become U+FFFD
	return escapeNoncharacters.Replace(strings.TrimSuffix(out.String(), "\n"))
}

var escapeNoncharacters = strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`)
