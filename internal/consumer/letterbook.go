package consumer

import "time"

// letterbook remembers the messages whose letters are stored, so that one whose
// delete did not get through is only deleted when it comes again. It is bounded
// in entries, the oldest go first, and in time.
type letterbook struct {
	max   int
	keep  time.Duration
	at    map[string]time.Time // by MessageId
	order []string             // the oldest first
}

func newLetterbook(most int, keep time.Duration) *letterbook {
	return &letterbook{max: most, keep: keep, at: map[string]time.Time{}}
}

func (b *letterbook) add(id string, now time.Time) {
	b.forget(now)
	if _, ok := b.at[id]; ok {
		return
	}
	if len(b.order) >= b.max {
		b.drop()
	}
	b.at[id] = now
	b.order = append(b.order, id)
}

func (b *letterbook) has(id string, now time.Time) bool {
	b.forget(now)
	_, ok := b.at[id]
	return ok
}

func (b *letterbook) forget(now time.Time) {
	for len(b.order) > 0 && now.Sub(b.at[b.order[0]]) >= b.keep {
		b.drop()
	}
}

func (b *letterbook) drop() {
	delete(b.at, b.order[0])
	b.order[0] = ""
	b.order = b.order[1:]
}
