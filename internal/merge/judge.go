package merge

import (
	"slices"
	"time"

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
	Unknown Semantics = "unknown" // one of the two: nothing is done that would be wrong with either
)

// Merger merges the updates that wait for one thing.
type Merger struct {
	Semantics Semantics
	// Landing is how long after its mark a call of unknown outcome may still land. All
	// times are by the clock of the thing's record.
	Landing time.Duration
}

// value is one member's value, as far as it is newer than what was applied.
type value struct {
	of    *Waiting
	index int            // in Update.Members
	parts []message.Part // of a member with keys: those that are newer; nil for others
	whole bool           // no key of it is old: it is sent as it was written
}

func (v value) member() string       { return v.of.Update.Members[v.index].Name }
func (v value) raw() []byte          { return v.of.Update.Members[v.index].Value }
func (v value) parsed() parsedMember { return v.of.parse().members[v.index] }

// verdict is what the record says of one update.
type verdict struct {
	live   []value       // to be sent
	mine   int           // members that this very update has set
	old    int           // members with a newer value applied
	unsure int           // of the old ones: the newer value may not cover all keys
	lostBy time.Duration // how much newer the newest of those values is, by event time
}

// judge says what the record says of an update. It appends what is to be sent to live.
func (m Merger) judge(it *Waiting, rec thingstate.Record, live []value) verdict {
	v := verdict{live: live}
	update := it.parse()
	for i, member := range it.Update.Members {
		applied, known := rec.Version(member.Name)
		parts, set := update.members[i].parts, update.members[i].set
		if m.Semantics == Merge && len(parts) > 0 {
			m.judgeParts(&v, it, i, rec, applied)
			continue
		}
		setsNothing := m.Semantics == Merge && parts != nil
		doubted := !setsNothing && m.overwritten(rec, member.Name, applied)
		newer := 1
		if known {
			newer = update.order.Compare(*applied.Order)
		}
		switch {
		case newer > 0 || newer == 0 && doubted:
			v.live = append(v.live, value{it, i, parts, true})
		case newer == 0:
			v.mine++
		default:
			v.old++
			v.lostBy = max(v.lostBy, newerBy(applied.Order, update.order))
			if parts != nil && m.Semantics == Unknown && (!covered(set, applied) || ownKeyOverwritten(rec, member.Name, applied, set)) {
				v.unsure++
			}
		}
	}
	return v
}

func (m Merger) judgeParts(v *verdict, it *Waiting, index int, rec thingstate.Record, applied thingstate.Version) {
	update := it.parse()
	parts, member := update.members[index].parts, it.Update.Members[index].Name
	live := make([]message.Part, 0, len(parts))
	mine := false
	var by time.Duration
	for _, part := range parts {
		key, newer := partKey(part.Key), 1
		order := orderOfKey(applied, key)
		if order != nil {
			newer = update.order.Compare(*order)
		}
		switch {
		case newer > 0 || newer == 0 && keyOverwritten(rec, member, applied, key):
			live = append(live, part)
		case newer == 0:
			mine = true
		default:
			by = max(by, newerBy(order, update.order))
		}
	}
	switch {
	case len(live) > 0:
		v.live = append(v.live, value{it, index, live, len(live) == len(parts)})
	case mine:
		v.mine++
	default:
		v.old++
		v.lostBy = max(v.lostBy, by)
	}
}

// newerBy is how much newer one order is than another, by event time.
func newerBy(newer, older *message.Order) time.Duration { return newer.EventTime.Sub(older.EventTime) }

// orderOfKey is the order of the value last applied under a key; nil if none is known.
// A value without parts may have set any key.
func orderOfKey(applied thingstate.Version, key thingstate.PartKey) *message.Order {
	if applied.Parts == nil {
		return applied.Order
	}
	return applied.Parts.Order(key)
}

// covered reports whether every key that a value sets was set by that value itself
// or by something newer.
func covered(set thingstate.Parts, applied thingstate.Version) bool {
	return !slices.ContainsFunc(set, func(part thingstate.Part) bool {
		order := applied.Parts.Order(part.Key)
		return order == nil || part.Order.After(*order)
	})
}
