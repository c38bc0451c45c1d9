package backlog

import (
	"hash/maphash"
	"time"
)

const (
	// sickFor is how long after its last message left a thing counts as one whose
	// last call failed.
	sickFor = 10 * time.Minute
	// maxSick bounds the things that are remembered for that, in about 1 MiB.
	maxSick = 10_000
)

// sick remembers things whose last call failed and for which nothing waits any more.
// Their next call says nothing of how other things fare. If there are more than
// maxSick, it forgets first what left first; then less counts as an attempt, and
// nothing is dead-lettered that should not be.
type sick struct {
	seed  maphash.Seed
	when  map[uint64]time.Time // when it left, by the hash of its id
	order []left               // the first to leave first; those that came back and left again are in it twice
}

type left struct {
	thing uint64
	at    time.Time
}

func newSick() sick { return sick{seed: maphash.MakeSeed(), when: make(map[uint64]time.Time)} }

// left notes that the last message of a thing has left.
func (s *sick) left(thing string, now time.Time) {
	gone := left{maphash.String(s.seed, thing), now}
	s.when[gone.thing] = now
	s.order = append(s.order, gone)
	for len(s.order) > maxSick || now.Sub(s.order[0].at) >= sickFor {
		if first := s.order[0]; s.when[first.thing].Equal(first.at) {
			delete(s.when, first.thing)
		}
		s.order = s.order[1:]
	}
}

// back reports whether a thing for which a message arrives is still remembered. It
// is no longer: the thing itself knows.
func (s *sick) back(thing string, now time.Time) bool {
	if len(s.when) == 0 {
		return false
	}
	id := maphash.String(s.seed, thing)
	at, ok := s.when[id]
	delete(s.when, id)
	return ok && now.Sub(at) < sickFor
}
