package consumer

import "time"

// finished remembers the messages of which only the delete is missing: their letters are
// stored, or their deletes were given up. One that comes again is only deleted. It is
// bounded in entries, of which the oldest go first, and in time.
type finished struct {
	max   int
	keep  time.Duration
	at    map[string]time.Time // by MessageId: when it was last added
	order []added              // the oldest first; may hold some twice that were added again
}

type added struct {
	id string
	at time.Time
}

func newFinished(most int, keep time.Duration) *finished {
	return &finished{max: most, keep: keep, at: map[string]time.Time{}}
}

func (f *finished) add(id string, now time.Time) {
	f.forget(now)
	if last, in := f.at[id]; in && last.Equal(now) {
		return
	}
	if len(f.order) >= f.max {
		f.drop()
	}
	f.at[id] = now
	f.order = append(f.order, added{id, now})
}

func (f *finished) has(id string, now time.Time) bool {
	f.forget(now)
	_, ok := f.at[id]
	return ok
}

func (f *finished) forget(now time.Time) {
	for len(f.order) > 0 && now.Sub(f.order[0].at) >= f.keep {
		f.drop()
	}
}

func (f *finished) drop() {
	if first := f.order[0]; f.at[first.id].Equal(first.at) {
		delete(f.at, first.id)
	}
	f.order[0] = added{}
	f.order = f.order[1:]
}
