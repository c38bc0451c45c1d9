package backlog

import (
	"slices"
	"time"
)

// Hot is a thing that many messages wait for.
type Hot struct {
	Thing    string
	Waiting  int       // messages, those of a turn under way included
	Oldest   time.Time // SentAt of the longest-waiting one that no turn holds; zero if there is none
	State    string    // in line, in its turn, backing off
	Failures int       // turns that failed in a row
}

var stateNames = map[state]string{nowhere: "in line", inLine: "in line", inTurn: "in its turn", backingOff: "backing off"}

// Hottest are the n things that the most messages wait for, most first, without those
// that have one message only. It walks all things: for status pages, not for hot paths.
func (b *Backlog) Hottest(n int) []Hot {
	b.mu.Lock()
	defer b.mu.Unlock()
	var top []*thing
	for _, t := range b.things {
		if t.count() < 2 || len(top) == n && !t.hotterThan(top[n-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, t, func(u, t *thing) int {
			if u.hotterThan(t) {
				return -1
			}
			return 1
		})
		top = slices.Insert(top, at, t)[:min(len(top)+1, n)]
	}
	hot := make([]Hot, len(top))
	for i, t := range top {
		hot[i] = Hot{Thing: t.id, Waiting: t.count(), State: stateNames[t.state], Failures: t.failures}
		if oldest := t.oldest(); oldest != nil {
			hot[i].Oldest = oldest.SentAt
		}
	}
	return hot
}

// count is how many messages wait for the thing, those of its turn included.
func (t *thing) count() int { return len(t.items) + t.turning }

// hotterThan is an order of all things, so that a list of them keeps still.
func (t *thing) hotterThan(u *thing) bool {
	if t.count() != u.count() {
		return t.count() > u.count()
	}
	return t.id < u.id
}
