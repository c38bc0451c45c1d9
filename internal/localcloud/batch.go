package localcloud

import (
	"regexp"
	"strconv"
	"strings"
)

const maxBatchEntries = 10

var batchEntryID = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,80}\z`)

// batchAnswer has each entry's own fate, with status 200.
type batchAnswer struct {
	Successful []any
	Failed     []failedEntry
}

type failedEntry struct {
	Id          string
	SenderFault bool
	Code        string
	Message     string
}

// batchOf does what a batch asks for, an entry at a time, but for those that the
// fault makes fail.
func batchOf(do func(*queue, *entry) (any, *sqsError)) action {
	return onQueue(func(q *queue, r *request, f *Fault) (any, *sqsError) { return q.batch(r, f, do) })
}

func (q *queue) batch(r *request, f *Fault, do func(*queue, *entry) (any, *sqsError)) (any, *sqsError) {
	if len(r.Entries) == 0 {
		return nil, batchError("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(r.Entries) > maxBatchEntries {
		return nil, batchError("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(r.Entries))
	}
	seen := map[string]bool{}
	for _, e := range r.Entries {
		if !batchEntryID.MatchString(e.Id) {
			return nil, batchError("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[e.Id] {
			return nil, batchError("BatchEntryIdsNotDistinct", "Id %s repeated.", e.Id)
		}
		seen[e.Id] = true
	}
	out := batchAnswer{Successful: []any{}, Failed: []failedEntry{}}
	for i := range r.Entries {
		e := &r.Entries[i]
		code, fails := f.Entries[e.Id]
		if !fails {
			code, fails = f.Entries[strconv.Itoa(i)]
		}
		if fails {
			code, isSender := strings.CutPrefix(code, "senderFault:")
			out.Failed = append(out.Failed, failedEntry{Id: e.Id, SenderFault: isSender, Code: code, Message: "a fault of the local cloud"})
			continue
		}
		done, err := do(q, e)
		if err != nil {
			out.Failed = append(out.Failed, failedEntry{Id: e.Id, SenderFault: !err.receiverFault, Code: err.code, Message: err.message})
			continue
		}
		out.Successful = append(out.Successful, done)
	}
	return out, nil
}
