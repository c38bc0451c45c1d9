package backlog

import (
	"slices"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Plan is the call that a turn comes to.
type Plan struct {
	// Members are the values to send; empty where nothing is left to send.
	Members []message.Member
	// Intents say the same for the thing's record, before the call.
	Intents []thingstate.Intent
	// Applied are the versions to record once the call has succeeded.
	Applied []thingstate.Version
	// Carried are the updates of which a value is in the call, in their order.
	Carried []*Item
}

// mostMembers is how many members the API has, and a little more.
const mostMembers = 16

// The API takes no more than this many keys of a member in one call.
var maxParts = map[string]int{"MetaData": 50, "CapabilitySchemas": 40}

// Plan merges what waits for one thing, member by member: of each member the
// newest value goes out. Values of a member with keys are merged by key, or, where
// it is not known whether the API does so, an older value is left out only if one
// newer value sets all its keys; otherwise the oldest goes first and the others
// wait for a turn of their own. An update that is to go out apart goes alone.
//
// items are in their order. A later update with the dedup key of an earlier one
// is left out: it is settled with it.
func (m Merger) Plan(items []*Item, rec thingstate.Record) Plan {
	live := m.toSend(items, rec)
	names := make([]string, 0, mostMembers) // in the order of the oldest update that sets them
	for _, v := range live {
		if !slices.Contains(names, v.member()) { // of the API's few members
			names = append(names, v.member())
		}
	}
	plan := Plan{
		Members: make([]message.Member, 0, len(names)),
		Intents: make([]thingstate.Intent, 0, len(names)),
		Applied: make([]thingstate.Version, 0, len(names)),
	}
	room := message.MaxRequestBytes
	for _, name := range names {
		c := m.choose(valuesOf(name, live), room-len(name)-len(`"":,{}`))
		if len(plan.Members) > 0 && len(name)+len(c.raw)+len(`"":,{}`) > room {
			continue // it goes out with the next call
		}
		room -= len(name) + len(c.raw) + len(`"":,`)
		c.version.Member = name
		plan.Members = append(plan.Members, message.Member{Name: name, Value: c.raw})
		plan.Intents = append(plan.Intents, thingstate.Intent{Member: name, Digest: c.version.Digest, Order: c.version.Order})
		plan.Applied = append(plan.Applied, c.version)
		for _, v := range c.values {
			if !plan.Carries(v.item) {
				plan.Carried = append(plan.Carried, v.item)
			}
		}
	}
	slices.SortFunc(plan.Carried, (*Item).compare)
	return plan
}

// toSend is what the items have that is newer than the record, in their order.
func (m Merger) toSend(items []*Item, rec thingstate.Record) []value {
	if len(items) == 0 {
		return nil
	}
	live := make([]value, 0, len(items[0].Update.Members)) // most things have one update waiting
	keys := newKeys(items)
	apart := firstApart(items)
	for _, it := range items {
		if apart != nil && it != apart || keys.has(it) || rec.Seen(it.Update.Key) {
			continue
		}
		keys.add(it)
		live = m.judge(it, rec, live).live
	}
	return live
}

// keys are the dedup keys of updates of one thing.
type keys map[string]bool

// newKeys makes room for the keys of the items; nil where nobody else can have one.
func newKeys(items []*Item) keys {
	if len(items) < 2 {
		return nil
	}
	return make(keys, len(items))
}

func (k keys) has(it *Item) bool { return k[it.Update.Key] }

func (k keys) add(it *Item) {
	if k != nil {
		k[it.Update.Key] = true
	}
}

// valuesOf are the values of one member among all. They share memory with all.
func valuesOf(name string, all []value) []value {
	isIt := func(v value) bool { return v.member() == name }
	isOther := func(v value) bool { return v.member() != name }
	rest := all[slices.IndexFunc(all, isIt):]
	if !slices.ContainsFunc(rest[1:], isIt) {
		return rest[:1:1]
	}
	return slices.DeleteFunc(slices.Clone(rest), isOther)
}

func firstApart(items []*Item) *Item {
	for _, it := range items {
		if it.Apart {
			return it
		}
	}
	return nil
}

// choice is what a member's waiting values come to.
type choice struct {
	raw     []byte
	values  []value // of which something is in raw
	version thingstate.Version
}

// choose picks from a member's live values, oldest first, at least one.
func (m Merger) choose(values []value, room int) choice {
	newest := len(values) - 1
	switch {
	case values[newest].parts == nil || m.Semantics == Replace:
		return m.single(values, newest)
	case m.Semantics == Unknown:
		return m.single(values, oldestUncovered(values))
	}
	for _, v := range values {
		if v.parts == nil { // keys that cannot be told apart: one after the other
			return m.single(values, 0)
		}
	}
	return m.join(values, room)
}

func (m Merger) single(values []value, at int) choice {
	v := values[at]
	read := v.reading()
	c := choice{raw: v.raw(), values: values[at : at+1]}
	c.version = thingstate.Version{Order: v.item.read().order, Digest: read.digest}
	if m.Semantics != Replace {
		c.version.Parts = read.set
	}
	if !v.whole {
		c.raw = message.Join(v.member(), v.parts)
		c.version.Digest = digest(c.raw)
		c.version.Parts = partsSet(v.parts, c.version.Order)
	}
	return c
}

// oldestUncovered is the oldest value that no single newer one covers.
func oldestUncovered(values []value) int {
	for i, v := range values {
		if !coveredByOne(v, values[i+1:]) {
			return i
		}
	}
	return len(values) - 1 // unreachable: nothing covers the newest
}

func coveredByOne(old value, newer []value) bool {
	for _, n := range newer {
		if n.parts == nil || old.parts == nil {
			continue
		}
		set := make(map[string]bool, len(n.parts))
		for _, part := range n.parts {
			set[part.Key] = true
		}
		all := true
		for _, part := range old.parts {
			all = all && set[part.Key]
		}
		if all {
			return true
		}
	}
	return false
}

// join merges as many values, oldest first, as one call may carry.
func (m Merger) join(values []value, room int) choice {
	type owned struct {
		part message.Part
		by   int // in values
	}
	var keys []string
	newest := make(map[string]owned)
	size, taken := 0, 0
	for i, v := range values {
		grown, added := size, 0
		for _, part := range v.parts {
			had, ok := newest[part.Key]
			if !ok {
				added++
			}
			grown += len(part.Raw) - len(had.part.Raw) + len(part.Key) + len(`"":,`)
		}
		limit, bounded := maxParts[v.member()]
		if i > 0 && (grown > room || bounded && len(keys)+added > limit) {
			break
		}
		for _, part := range v.parts {
			if _, ok := newest[part.Key]; !ok {
				keys = append(keys, part.Key)
			}
			newest[part.Key] = owned{part, i}
		}
		size, taken = grown, taken+1
	}
	if taken == 1 {
		return m.single(values, 0)
	}
	var c choice
	parts := make([]message.Part, len(keys))
	set := make([]thingstate.Part, len(keys))
	last := 0
	carries := make([]bool, taken)
	for i, key := range keys {
		o := newest[key]
		parts[i] = o.part
		set[i] = thingstate.Part{Key: partKey(key), Order: values[o.by].item.read().order}
		carries[o.by] = true
		last = max(last, o.by) // values are in their order
	}
	for i, v := range values[:taken] {
		if carries[i] {
			c.values = append(c.values, v)
		}
	}
	c.raw = message.Join(values[0].member(), parts)
	c.version = thingstate.Version{Order: values[last].item.read().order, Digest: digest(c.raw), Parts: thingstate.NewParts(set)}
	return c
}

// Carries reports whether a value of the item is in the call.
func (p Plan) Carries(it *Item) bool { return slices.Contains(p.Carried, it) }

// Unchanged reports whether the call would set only what is known to have been
// set last, less than within ago, with no call of unknown outcome since.
func (p Plan) Unchanged(rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		v, ok := rec.Version(in.Member)
		if !ok || v.Digest != in.Digest || marked(rec, in.Member) || now.Sub(v.At) >= within {
			return false
		}
	}
	return within > 0 && len(p.Intents) > 0
}

func marked(rec thingstate.Record, member string) bool {
	for range rec.MarksOf(member) {
		return true
	}
	return false
}

// Rival is when the last call was started whose outcome is not known and which
// carried another value of a member in this one: landing later, it would undo
// this one. False where there is none.
func (p Plan) Rival(rec thingstate.Record) (started time.Time, any bool) {
	for _, in := range p.Intents {
		for mark := range rec.MarksOf(in.Member) {
			if !mark.Over && mark.Digest != in.Digest && mark.At.After(started) {
				started, any = mark.At, true
			}
		}
	}
	return started, any
}

// Pending reports whether any call that was started less than within ago, whose
// outcome is not known and which carried a member in this one, may yet land. One
// with the same value does this call no harm, but it may do so to the next.
func (p Plan) Pending(rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		for mark := range rec.MarksOf(in.Member) {
			if !mark.Over && now.Sub(mark.At) < within {
				return true
			}
		}
	}
	return false
}

// Outcomes says which of the items are finished with, by the thing's record, and
// what becomes of each. The others have a value that is still to be sent.
func (m Merger) Outcomes(items []*Item, rec thingstate.Record) map[*Item]message.Outcome {
	if rec.Empty() {
		return nil
	}
	settled := make(map[*Item]message.Outcome, len(items))
	keys := newKeys(items)
	var buffer []value
	for _, it := range items {
		if keys.has(it) || rec.Seen(it.Update.Key) {
			settled[it] = message.Duplicate
			continue
		}
		v := m.judge(it, rec, buffer)
		buffer = v.live[:0]
		switch {
		case len(v.live) > 0:
			continue
		case v.unsure > 0: // also where its other members were set
			settled[it] = message.Unsure
		case it.Contributed:
			settled[it] = message.Applied
		case v.mine > 0:
			settled[it] = message.Duplicate
		default:
			settled[it] = message.Superseded
		}
		keys.add(it)
	}
	return settled
}
