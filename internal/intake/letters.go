package intake

import (
	"slices"
	"sync"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// letters are those of messages that never reach the API. While the service is in
// trouble they are held back with the rest: nothing is dead-lettered in an outage.
type letters struct {
	mu     sync.Mutex
	kept   []letter
	closed bool
}

type letter struct {
	d *consumer.Delivery
	u *message.Update
	f message.Failure
}

func (ls *letters) write(hold func() bool, d *consumer.Delivery, u *message.Update, f message.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	switch {
	case hold == nil || !hold():
		d.DeadLetter(u, f)
	case ls.closed:
		d.Release(0)
	default:
		d.Message().Waits(timeline.LetterHeldBack, 0, string(f.Reason))
		ls.kept = append(ls.kept, letter{d, u, f})
	}
}

func (ls *letters) flush() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.kept {
		l.d.DeadLetter(l.u, l.f)
	}
	ls.kept = nil
}

func (ls *letters) forget(d *consumer.Delivery) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.kept = slices.DeleteFunc(ls.kept, func(l letter) bool { return l.d == d })
}

func (ls *letters) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.closed = true
	for _, l := range ls.kept {
		l.d.Release(0)
	}
	ls.kept = nil
}
