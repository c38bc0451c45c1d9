package merge

import (
	"slices"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// A call whose outcome is not known left a mark. It may land, with its values, until
// Landing after the mark; what is sent later than that is safe from it.

// landed is when a marked call has landed, if it ever will.
func (m Merger) landed(mark thingstate.Mark) time.Time {
	if mark.Over {
		return mark.At
	}
	return mark.At.Add(m.Landing)
}

// harms reports whether a marked call that lands later than a value was sent undoes
// it: one with another value of the member or, if the API merges by key, of one of
// these keys.
func (m Merger) harms(mark thingstate.Mark, applied thingstate.Version, keys []thingstate.PartKey) bool {
	if m.Semantics != Merge || applied.Parts == nil {
		return mark.Digest != applied.Digest
	}
	return slices.ContainsFunc(keys, func(key thingstate.PartKey) bool { return harmsKey(mark, applied, key) })
}

func harmsKey(mark thingstate.Mark, applied thingstate.Version, key thingstate.PartKey) bool {
	return mark.Digest != applied.Digest && (mark.PartKeys == nil || slices.Contains(mark.PartKeys, key))
}

// overwritten reports whether the value of a member that was applied may have been
// overwritten since.
func (m Merger) overwritten(rec thingstate.Record, member string, applied thingstate.Version) bool {
	for mark := range rec.MarksOf(member) {
		if mark.Digest != applied.Digest && applied.At.Before(m.landed(mark)) {
			return true
		}
	}
	return false
}

// keyOverwritten is the same for one key. A mark has a key until it was sent again
// after the marked call had landed.
func keyOverwritten(rec thingstate.Record, member string, applied thingstate.Version, key thingstate.PartKey) bool {
	for mark := range rec.MarksOf(member) {
		if harmsKey(mark, applied, key) {
			return true
		}
	}
	return false
}

// ownKeyOverwritten reports whether a key of this set may be overwritten whose newest
// applied value is the set's own.
func ownKeyOverwritten(rec thingstate.Record, member string, applied thingstate.Version, set thingstate.Parts) bool {
	return slices.ContainsFunc(set, func(part thingstate.Part) bool {
		order := applied.Parts.Order(part.Key)
		return order != nil && order.Compare(*part.Order) == 0 && keyOverwritten(rec, member, applied, part.Key)
	})
}

// SafeFrom is when the values that a call sent at start must be sent again, as an
// earlier call of unknown outcome may land on top of them until then; zero if there is
// none. rec is the record with the call in it.
func (m Merger) SafeFrom(p Plan, rec thingstate.Record, start time.Time) (safe time.Time) {
	for _, in := range p.Intents {
		applied, _ := rec.Version(in.Member)
		for mark := range rec.MarksOf(in.Member) {
			if landed := m.landed(mark); landed.After(start) && landed.After(safe) && m.harms(mark, applied, in.PartKeys) {
				safe = landed
			}
		}
	}
	return safe
}

// Unchanged reports whether a call would set only what is known to have been set last,
// less than within ago, and not overwritten since.
func (m Merger) Unchanged(p Plan, rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		v, ok := rec.Version(in.Member)
		if !ok || v.Digest != in.Digest || now.Sub(v.At) >= within || m.inDoubt(rec, v, in) {
			return false
		}
	}
	return within > 0 && len(p.Intents) > 0
}

// inDoubt reports whether the value that was applied, or one of its keys, may have been
// overwritten since.
func (m Merger) inDoubt(rec thingstate.Record, applied thingstate.Version, in thingstate.Intent) bool {
	if m.Semantics != Merge || applied.Parts == nil {
		return m.overwritten(rec, in.Member, applied)
	}
	return slices.ContainsFunc(in.PartKeys, func(key thingstate.PartKey) bool { return keyOverwritten(rec, in.Member, applied, key) })
}
