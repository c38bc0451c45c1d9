package redrive

import (
	"time"

	"managed-thing-updater/internal/deadletter/mailbox"
)

// watch knows a moved letter again when it comes back as a new one: a worker
// writes on it the id of the message's first life, or that of the moved copy where
// the letter had no Failure, and SQS's own redrive keeps the copy's id.
type watch struct {
	moved  map[mailbox.MessageHash]time.Time // when, by SQS's clock
	faults map[mailbox.Place]int             // of what came back
}

func newWatch() *watch {
	return &watch{moved: map[mailbox.MessageHash]time.Time{}, faults: map[mailbox.Place]int{}}
}

func (w *watch) sent(l *mailbox.Letter, as mailbox.Sent) {
	w.moved[mailbox.HashOf(as.ID)] = as.At
	if l.Failure != nil {
		w.moved[mailbox.HashOf(l.Failure.MessageID)] = as.At
	}
}

// cameBack reports whether the letter was made of one that this run moved. A second
// letter of the same message that was there before is none.
func (w *watch) cameBack(l *mailbox.Letter) bool {
	ids := []string{l.Message.ID}
	if l.Failure != nil {
		ids = append(ids, l.Failure.MessageID)
	}
	for _, id := range ids {
		if at, ok := w.moved[mailbox.HashOf(id)]; ok && !l.Message.SentAt.Before(at) {
			w.faults[l.Place()]++
			return true
		}
	}
	return false
}

// worst is the fault with which most came back.
func (w *watch) worst() (place mailbox.Place, times int) {
	for p, n := range w.faults {
		if n > times {
			place, times = p, n
		}
	}
	return place, times
}
