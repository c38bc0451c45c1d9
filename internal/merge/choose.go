package merge

import (
	"slices"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// The API takes no more than this many keys of a member in one call.
var maxParts = map[string]int{"MetaData": 50, "CapabilitySchemas": 40}

// choice is the value of a member that goes out, made of those that wait.
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
	keysUnknown := func(v value) bool { return v.parts == nil }
	if slices.ContainsFunc(values, keysUnknown) { // one after the other
		return m.single(values, 0)
	}
	return m.join(values, room)
}

func (m Merger) single(values []value, at int) choice {
	v := values[at]
	parsed := v.parsed()
	c := choice{raw: v.raw(), values: values[at : at+1]}
	c.version = thingstate.Version{Order: v.of.parse().order, Digest: parsed.digest, Parts: parsed.set}
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
		if !slices.ContainsFunc(old.parts, func(part message.Part) bool { return !set[part.Key] }) {
			return true
		}
	}
	return false
}

// join merges as many values, oldest first, as one call may carry. A value without
// keys is part of every call.
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
	if taken == 1 || len(keys) == 0 {
		return m.single(values, taken-1)
	}
	var c choice
	parts := make([]message.Part, len(keys))
	set := make([]thingstate.Part, len(keys))
	last := 0
	carries := make([]bool, taken)
	for i, key := range keys {
		o := newest[key]
		parts[i] = o.part
		set[i] = thingstate.Part{Key: partKey(key), Order: values[o.by].of.parse().order}
		carries[o.by] = true
		last = max(last, o.by) // values are in their order
	}
	for i, v := range values[:taken] {
		if len(v.parts) == 0 {
			last = max(last, i)
		}
		if carries[i] || len(v.parts) == 0 {
			c.values = append(c.values, v)
		}
	}
	c.raw = message.Join(values[0].member(), parts)
	c.version = thingstate.Version{Order: values[last].of.parse().order, Digest: digest(c.raw), Parts: thingstate.NewParts(set)}
	return c
}
