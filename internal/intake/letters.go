package intake

import (
	"slices"
	"sync"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// letters are those of messages that never reach the API. While the circuit is open they
// are kept, as all other messages are: nothing is dead-lettered in an outage.
type letters struct {
	circuitOpen func() bool

	mu     sync.Mutex
	kept   []letter
	closed bool
}

type letter struct {
	d delivery
	u *message.Update
	f message.Failure
}

func (ls *letters) write(d delivery, u *message.Update, f message.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	switch {
	case !ls.circuitOpen():
		d.DeadLetter(u, f)
	case ls.closed:
		d.Release(0)
	default:
		d.Message().Waits(timeline.LetterHeldBack, 0, string(f.Reason))
		ls.kept = append(ls.kept, letter{d, u, f})
	}
}

func (ls *letters) writeKept() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.kept {
		l.d.DeadLetter(l.u, l.f)
	}
	ls.kept = nil
}

func (ls *letters) forget(d delivery) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.kept = slices.DeleteFunc(ls.kept, func(l letter) bool { return l.d == d })
}

// close releases the messages of the letters that are kept, and of those that would be.
func (ls *letters) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.closed = true
	for _, l := range ls.kept {
		l.d.Release(0)
	}
	ls.kept = nil
}
