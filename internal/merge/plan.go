package merge

import (
	"slices"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Plan is the call that a turn makes. Its lists say the same of each member: what
// Intents mark is what Members send, and what Applied records. If it sends a member,
// it carries an update.
type Plan struct {
	// Members are the values to send; empty if nothing is left to send.
	Members []message.Member
	// Intents say the same for the thing's record, before the call.
	Intents []thingstate.Intent
	// Applied are the versions to record once the call has succeeded.
	Applied []thingstate.Version
	// Carried are the updates of which a value is in the call, in their order.
	Carried []*Waiting
}

// mostMembers is how many members the API has, and a little more.
const mostMembers = 16

// Plan merges what waits for one thing, member by member: of each member the newest
// value goes out. A member with keys is merged by key. If it is not known whether the API
// does so, an older value is left out only if one newer value sets all its keys;
// otherwise the oldest goes first and the others wait for a turn of their own. An update
// that is to go out apart goes alone.
//
// The waiting updates are in their order. A later one with the dedup key of an earlier
// one is left out: it is settled with it.
func (m Merger) Plan(waiting []*Waiting, rec thingstate.Record) Plan {
	live := m.toSend(waiting, rec)
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
		plan.Intents = append(plan.Intents, thingstate.Intent{
			Member: name, Digest: c.version.Digest, Order: c.version.Order, PartKeys: c.version.Parts.Keys(),
		})
		plan.Applied = append(plan.Applied, c.version)
		for _, v := range c.values {
			if !slices.Contains(plan.Carried, v.of) {
				plan.Carried = append(plan.Carried, v.of)
			}
		}
	}
	if carried := plan.Carried; len(carried) > 1 {
		plan.Carried = slices.DeleteFunc(slices.Clone(waiting), func(it *Waiting) bool { return !slices.Contains(carried, it) })
	}
	return plan
}

// toSend is what the updates have that is newer than the record, in their order.
func (m Merger) toSend(waiting []*Waiting, rec thingstate.Record) []value {
	if len(waiting) == 0 {
		return nil
	}
	live := make([]value, 0, len(waiting[0].Update.Members)) // most things have one update waiting
	seen := newSeenKeys(waiting)
	if apart := slices.IndexFunc(waiting, func(it *Waiting) bool { return it.Apart }); apart >= 0 {
		waiting = waiting[apart : apart+1]
	}
	for _, it := range waiting {
		if seen.has(it) || rec.Seen(it.Update.Key) {
			continue
		}
		seen.add(it)
		live = m.judge(it, rec, live).live
	}
	return live
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

// SentAt returns the plan with the time at which its call starts, by the clock of the
// thing's record.
func (p Plan) SentAt(start time.Time) Plan {
	for i := range p.Applied {
		p.Applied[i].At = start
	}
	return p
}

// MarkedBy reports whether each value of the call is among the intents.
func (p Plan) MarkedBy(intents []thingstate.Intent) bool {
	return !slices.ContainsFunc(p.Intents, func(in thingstate.Intent) bool {
		return !slices.ContainsFunc(intents, func(marked thingstate.Intent) bool {
			return marked.Member == in.Member && marked.Digest == in.Digest
		})
	})
}
