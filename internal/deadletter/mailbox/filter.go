package mailbox

import (
	"slices"
	"time"

	"managed-thing-updater/internal/message"
)

// Foreign stands for the reason of letters without a Failure, in a Filter.
const Foreign message.Reason = "foreign"

// Filter chooses letters; what is empty chooses all.
type Filter struct {
	Reasons []message.Reason // Foreign among them
	Codes   []string
	Things  []string
	IDs     []string // of the letter, or of the message that it was made of
	// Before and After bound when the message became a letter.
	Before, After time.Time
}

// Takes reports whether the filter chooses the letter.
func (f Filter) Takes(l *Letter) bool {
	reason, code := Foreign, ""
	if l.Failure != nil {
		reason, code = l.Failure.Reason, l.Failure.Code
	}
	since := l.Since()
	return (len(f.Reasons) == 0 || slices.Contains(f.Reasons, reason)) &&
		(len(f.Codes) == 0 || slices.Contains(f.Codes, code)) &&
		(len(f.Things) == 0 || slices.Contains(f.Things, l.Thing)) &&
		(len(f.IDs) == 0 || slices.ContainsFunc(f.IDs, l.Is)) &&
		(f.Before.IsZero() || since.Before(f.Before)) &&
		(f.After.IsZero() || since.After(f.After))
}
