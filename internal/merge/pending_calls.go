package merge

import (
	"slices"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// A call whose outcome is not known left a mark. It may land, with its values, until
// Landing after the mark. What is sent later than that is safe from it.

// landsBy is when a marked call has landed, if it ever will.
func (m Merger) landsBy(mark thingstate.Mark) time.Time {
	if mark.Over {
		return mark.At
	}
	return mark.At.Add(m.Landing)
}

// conflicts reports whether a marked call undoes a value that was sent, if the call lands
// later. It does if it has another value of the member or, if the API merges by key, of
// one of these keys.
func (m Merger) conflicts(mark thingstate.Mark, applied thingstate.Version, keys []thingstate.PartKey) bool {
	if m.Semantics != Merge || applied.Parts == nil {
		return mark.Digest != applied.Digest
	}
	return slices.ContainsFunc(keys, func(key thingstate.PartKey) bool { return conflictsOnKey(mark, applied, key) })
}

func conflictsOnKey(mark thingstate.Mark, applied thingstate.Version, key thingstate.PartKey) bool {
	return mark.Digest != applied.Digest && (mark.PartKeys == nil || slices.Contains(mark.PartKeys, key))
}

// overwritten reports whether the last value applied to a member may have been overwritten
// since.
func (m Merger) overwritten(rec thingstate.Record, member string, applied thingstate.Version) bool {
	for mark := range rec.MarksOf(member) {
		if mark.Digest != applied.Digest && applied.At.Before(m.landsBy(mark)) {
			return true
		}
	}
	return false
}

// keyOverwritten is the same for one key. A mark loses a key when that is sent again after
// the marked call has landed.
func keyOverwritten(rec thingstate.Record, member string, applied thingstate.Version, key thingstate.PartKey) bool {
	for mark := range rec.MarksOf(member) {
		if conflictsOnKey(mark, applied, key) {
			return true
		}
	}
	return false
}

// ownKeyOverwritten reports whether, of the keys whose last applied value is this set's
// own, one may have been overwritten since.
func ownKeyOverwritten(rec thingstate.Record, member string, applied thingstate.Version, set thingstate.Parts) bool {
	return slices.ContainsFunc(set, func(part thingstate.Part) bool {
		order := applied.Parts.Order(part.Key)
		return order != nil && order.Compare(*part.Order) == 0 && keyOverwritten(rec, member, applied, part.Key)
	})
}

// ResendAt is when the values of a call that started at start must be sent again: until
// then an earlier call of unknown outcome may land on top of them. It is zero if there is
// no such call. rec is the record with the call in it.
func (m Merger) ResendAt(p Plan, rec thingstate.Record, start time.Time) (at time.Time) {
	for _, in := range p.Intents {
		applied, _ := rec.Version(in.Member)
		for mark := range rec.MarksOf(in.Member) {
			if lands := m.landsBy(mark); lands.After(start) && lands.After(at) && m.conflicts(mark, applied, in.PartKeys) {
				at = lands
			}
		}
	}
	return at
}

// Unchanged reports whether a call would set only values that were the last to be set, less
// than within ago, and were not overwritten since.
func (m Merger) Unchanged(p Plan, rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		v, ok := rec.Version(in.Member)
		if !ok || v.Digest != in.Digest || now.Sub(v.At) >= within || m.anyOverwritten(rec, v, in) {
			return false
		}
	}
	return within > 0 && len(p.Intents) > 0
}

// anyOverwritten reports whether the value that was applied, or one of its keys, may have
// been overwritten since.
func (m Merger) anyOverwritten(rec thingstate.Record, applied thingstate.Version, in thingstate.Intent) bool {
	if m.Semantics != Merge || applied.Parts == nil {
		return m.overwritten(rec, in.Member, applied)
	}
	return slices.ContainsFunc(in.PartKeys, func(key thingstate.PartKey) bool { return keyOverwritten(rec, in.Member, applied, key) })
}
