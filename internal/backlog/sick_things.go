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

// sickThings remembers the things whose last call failed and for which nothing waits any more.
// Their next call is no first call: it says nothing of the service. If there are more than
// maxSick, the first to leave is forgotten first. Then fewer failures count against
// updates, and nothing is dead-lettered that should not be.
type sickThings struct {
	seed   maphash.Seed
	leftAt map[uint64]time.Time // by the hash of the thing's id
	order  []goneThing          // the first to leave first; those that came back and left again are in it twice
}

type goneThing struct {
	thing uint64
	at    time.Time
}

func newSickThings() sickThings {
	return sickThings{seed: maphash.MakeSeed(), leftAt: make(map[uint64]time.Time)}
}

// remember notes that the last message of a thing has left.
func (s *sickThings) remember(thing string, now time.Time) {
	gone := goneThing{maphash.String(s.seed, thing), now}
	s.leftAt[gone.thing] = now
	s.order = append(s.order, gone)
	for len(s.order) > maxSick || now.Sub(s.order[0].at) >= sickFor {
		if first := s.order[0]; s.leftAt[first.thing].Equal(first.at) {
			delete(s.leftAt, first.thing)
		}
		s.order = s.order[1:]
	}
}

// takeBack forgets a thing for which a message arrives, and reports whether it was
// remembered: from now on the thing itself knows.
func (s *sickThings) takeBack(thing string, now time.Time) bool {
	if len(s.leftAt) == 0 {
		return false
	}
	id := maphash.String(s.seed, thing)
	at, ok := s.leftAt[id]
	delete(s.leftAt, id)
	return ok && now.Sub(at) < sickFor
}
