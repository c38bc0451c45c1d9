package merge

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Settlement is what becomes of an update that is finished with.
type Settlement struct {
	Of      *Waiting
	Outcome message.Outcome
	// LostBy is how much newer the value is that a superseded update lost to, by event
	// time: the newest of them. It is 0 for every other outcome.
	LostBy time.Duration
}

// Outcomes says which of the updates are finished with, by the thing's record, and
// what becomes of each, in their order. The others have a value that is still to be
// sent.
func (m Merger) Outcomes(waiting []*Waiting, rec thingstate.Record) []Settlement {
	if rec.Empty() {
		return nil
	}
	settled := make([]Settlement, 0, len(waiting))
	seen := newSeenKeys(waiting)
	var buffer []value
	for _, it := range waiting {
		if seen.has(it) || rec.Seen(it.Update.Key) {
			settled = append(settled, Settlement{Of: it, Outcome: message.Duplicate})
			continue
		}
		v := m.judge(it, rec, buffer)
		buffer = v.live[:0]
		outcome := message.Superseded
		switch {
		case len(v.live) > 0:
			continue
		case v.unsure > 0: // even if its other members were set
			outcome = message.Unsure
		case it.Contributed:
			outcome = message.Applied
		case v.mine > 0:
			outcome = message.Duplicate
		}
		s := Settlement{Of: it, Outcome: outcome}
		if outcome == message.Superseded || outcome == message.Unsure {
			s.LostBy = v.lostBy
		}
		settled = append(settled, s)
		seen.add(it)
	}
	return settled
}

// seenKeys are the dedup keys of updates of one thing.
type seenKeys map[string]bool

// newSeenKeys makes room for the keys of updates. A single one has nothing to be compared
// with, and gets none.
func newSeenKeys(waiting []*Waiting) seenKeys {
	if len(waiting) < 2 {
		return nil
	}
	return make(seenKeys, len(waiting))
}

func (k seenKeys) has(it *Waiting) bool { return k[it.Update.Key] }

func (k seenKeys) add(it *Waiting) {
	if k != nil {
		k[it.Update.Key] = true
	}
}
