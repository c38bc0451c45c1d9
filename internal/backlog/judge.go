package backlog

import (
	"hash/fnv"
	"slices"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Semantics is what the API does with a member that holds several keys:
// MetaData, WiFiSimpleSetupConfiguration and CapabilitySchemas (by CapabilityId).
// AWS does not document it.
type Semantics string

const (
	Replace Semantics = "replace" // a new value replaces the whole member
	Merge   Semantics = "merge"   // a new value replaces the keys it sets
	Unknown Semantics = "unknown" // either may be so: nothing is done that one of them makes wrong
)

// Merger decides what becomes of the updates that wait for one thing.
type Merger struct{ Semantics Semantics }

// value is one member's value, as far as it is newer than what was applied.
type value struct {
	item   *Item
	member string
	raw    []byte
	parts  []message.Part // of a member with keys: those that are newer; nil for others
	whole  bool           // raw is what to send: no key of it is old
}

// verdict is what the record says of one update.
type verdict struct {
	live   []value // to be sent
	mine   int     // members that this very update has set
	old    int     // members with a newer value applied
	unsure int     // of the old ones, those whose newer value may not cover all keys
}

// judge says what the record says of an update. What is to be sent is put behind
// the values of live.
func (m Merger) judge(it *Item, rec thingstate.Record, live []value) verdict {
	v := verdict{live: slices.Grow(live, len(it.Update.Members))}
	for i, member := range it.Update.Members {
		applied, known := rec.Versions[member.Name]
		doubted := overwritten(rec.Marks[member.Name], applied)
		parts, keyed := it.partsOf(i)
		if keyed && m.Semantics == Merge && len(parts) > 0 {
			m.judgeParts(&v, it, member, parts, applied, doubted)
			continue
		}
		switch c := it.Update.Order.Compare(applied.Order); {
		case !known || c > 0 || c == 0 && doubted:
			v.live = append(v.live, value{it, member.Name, member.Value, parts, true})
		case c == 0:
			v.mine++
		default:
			v.old++
			if keyed && m.Semantics == Unknown && !covered(it.Update.Order, parts, applied) {
				v.unsure++
			}
		}
	}
	return v
}

func (m Merger) judgeParts(v *verdict, it *Item, member message.Member, parts []message.Part, applied thingstate.Version, doubted bool) {
	live := make([]message.Part, 0, len(parts))
	mine := false
	for _, part := range parts {
		order, known := applied.Parts[partKey(part.Key)]
		switch c := it.Update.Order.Compare(order); {
		case !known || c > 0 || c == 0 && doubted:
			live = append(live, part)
		case c == 0:
			mine = true
		}
	}
	switch {
	case len(live) > 0:
		v.live = append(v.live, value{it, member.Name, member.Value, live, len(live) == len(parts)})
	case mine:
		v.mine++
	default:
		v.old++
	}
}

// overwritten reports whether a call of unknown outcome may have set another value
// since: one with the same value did no harm, whenever it landed.
func overwritten(marks []thingstate.Mark, applied thingstate.Version) bool {
	return slices.ContainsFunc(marks, func(m thingstate.Mark) bool { return m.Digest != applied.Digest })
}

// covered reports whether every key was set by this update itself or by something
// newer.
func covered(order message.Order, parts []message.Part, applied thingstate.Version) bool {
	for _, part := range parts {
		if set, ok := applied.Parts[partKey(part.Key)]; !ok || order.After(set) {
			return false
		}
	}
	return true
}

func partKey(key string) thingstate.PartKey {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	return thingstate.PartKey(h.Sum64())
}

// partsOf takes member i apart, once.
func (it *Item) partsOf(i int) ([]message.Part, bool) {
	if it.parts == nil {
		it.parts = make([]*[]message.Part, len(it.Update.Members))
		for j, member := range it.Update.Members {
			if parts, ok := message.Parts(member.Name, member.Value); ok {
				it.parts[j] = &parts
			}
		}
	}
	if it.parts[i] == nil {
		return nil, false
	}
	return *it.parts[i], true
}
