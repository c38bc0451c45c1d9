package statetest

import (
	"slices"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// crash begins a call that is never finished.
func crash(b *fixture, intents ...thingstate.Intent) {
	b.acquireFor(thing, b.Tick, intents...)
	b.pass(2)
}

func expectMarks(b *fixture, member string, want ...byte) {
	b.Helper()
	if got := marked(b.record(), member); !slices.Equal(got, want) {
		b.Errorf("marks of %s: %v, want %v", member, got, want)
	}
}

// endings are what becomes of the marks of Name (one left by a crash before, one
// the lease's own) and Model (the lease's own) when a lease ends.
var endings = []struct {
	name        string
	result      thingstate.Result
	name1       []byte // marks of Name
	model       []byte // marks of Model
	nameApplied bool
}{
	{"not sent", thingstate.Result{Call: thingstate.NotSent}, []byte{1}, nil, false},
	{"not sent, known to be set", thingstate.Result{Call: thingstate.NotSent, Applied: nameSet}, []byte{1}, nil, true},
	{"succeeded, after the older one landed", thingstate.Result{Call: thingstate.Succeeded, Applied: nameSet, Landed: allLanded}, nil, nil, true},
	{"succeeded, before the older one landed", thingstate.Result{Call: thingstate.Succeeded, Applied: nameSet, Landed: noneLanded}, []byte{1}, nil, true},
	{"succeeded with nothing applied", thingstate.Result{Call: thingstate.Succeeded, Landed: allLanded}, []byte{1}, nil, false},
	{"unknown", thingstate.Result{Call: thingstate.OutcomeUnknown}, []byte{1, 2}, []byte{3}, false},
	{"maybe applied", thingstate.Result{Call: thingstate.MaybeApplied}, []byte{1, 2}, []byte{3}, false},
	{"unknown, of what was sent of it", thingstate.Result{Call: thingstate.OutcomeUnknown, Sent: []thingstate.Intent{intent("Name", 2)}}, []byte{1, 2}, nil, false},
	{"maybe applied, of what was sent of it", thingstate.Result{Call: thingstate.MaybeApplied, Sent: []thingstate.Intent{intent("Name", 2)}}, []byte{1, 2}, nil, false},
	{"unknown, known to be set", thingstate.Result{Call: thingstate.OutcomeUnknown, Applied: nameSet}, []byte{1, 2}, []byte{3}, true},
}

var nameSet = []thingstate.Version{version(2)}

// By any clock, every call that was marked had landed, or none.
var (
	allLanded  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	noneLanded = time.Unix(0, 0)
)

// keyedIntent is a value of MetaData that sets these keys.
func keyedIntent(n int, keys ...thingstate.PartKey) thingstate.Intent {
	in := intent("MetaData", n)
	in.PartKeys = keys
	return in
}

// keyedVersion is the same, applied.
func keyedVersion(n int, keys ...thingstate.PartKey) thingstate.Version {
	v := version(n)
	v.Member, v.Parts = "MetaData", thingstate.Parts{}
	for _, key := range keys {
		v.Parts = append(v.Parts, thingstate.Part{Key: key, Order: v.Order})
	}
	return v
}

func expectKeysInDoubt(b *fixture, want ...thingstate.PartKey) {
	b.Helper()
	var got []thingstate.PartKey
	for _, m := range b.record().Marks {
		got = append(got, m.PartKeys...)
	}
	if !slices.Equal(got, want) {
		b.Errorf("keys in doubt: %v, want %v", got, want)
	}
}

var markRules = append([]rule{
	{"acquire gives the record as it was before its own marks", func(b *fixture) {
		if r, _ := b.acquireFor(thing, b.Tick, intent("Name", 1)); len(r.Marks) > 0 {
			b.Errorf("marks on the first Acquire: %v", r.Marks)
		}
		b.pass(2)
		expectMarks(b, "Name", 1)
	}},
	{"a crash leaves a mark with value and order", func(b *fixture) {
		crash(b, intent("Name", 7))
		r := b.record()
		if len(r.Marks) != 1 {
			b.Fatalf("marks: %v", r.Marks)
		}
		m := r.Marks[0]
		if m.Member != "Name" || m.Digest != digest(7) || m.Order.Compare(at(7)) != 0 || m.At.IsZero() {
			b.Errorf("mark: %+v", m)
		}
		if len(r.Versions) > 0 {
			b.Errorf("a crash set versions: %v", r.Versions)
		}
	}},
	{"reading a record leaves its marks", func(b *fixture) {
		crash(b, intent("Name", 1))
		b.record()
		expectMarks(b, "Name", 1)
	}},
	{"marks of several members belong to their members", func(b *fixture) {
		crash(b, intent("Name", 1), intent("Model", 2))
		expectMarks(b, "Name", 1)
		expectMarks(b, "Model", 2)
	}},
	{"marks are bounded, the oldest go first", func(b *fixture) {
		for n := range thingstate.MaxMarks + 2 {
			b.turn(thingstate.Result{Call: thingstate.OutcomeUnknown}, intent("Name", n))
		}
		expectMarks(b, "Name", 2, 3, 4, 5)
	}},
	{"a value sent again and again does not push another one's mark out", func(b *fixture) {
		for _, n := range []int{1, 2, 2, 2, 2, 2, 2} {
			b.turn(thingstate.Result{Call: thingstate.OutcomeUnknown}, intent("Name", n))
		}
		expectMarks(b, "Name", 1, 2, 2, 2)
	}},
	{"the mark of a call that is over goes first", func(b *fixture) {
		for n := range thingstate.MaxMarks + 1 {
			call := thingstate.OutcomeUnknown
			if n == 2 {
				call = thingstate.MaybeApplied
			}
			b.turn(thingstate.Result{Call: call}, intent("Name", n))
		}
		expectMarks(b, "Name", 0, 1, 3, 4)
	}},
	{"only keys that are sent again are free of doubt", func(b *fixture) {
		crash(b, keyedIntent(1, 5, 6, 7))
		expectKeysInDoubt(b, 5, 6, 7)
		succeed := func(landed time.Time, v thingstate.Version) {
			b.Helper()
			b.turn(thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{v}, Landed: landed})
		}
		succeed(noneLanded, keyedVersion(2, 5, 6, 7))
		expectKeysInDoubt(b, 5, 6, 7)
		succeed(allLanded, keyedVersion(3, 6))
		expectKeysInDoubt(b, 5, 7)
		succeed(allLanded, keyedVersion(4)) // a value without keys
		expectKeysInDoubt(b, 5, 7)
		succeed(allLanded, keyedVersion(5, 5, 7))
		expectKeysInDoubt(b)
	}},
	{"a value whose keys cannot be told apart is free of doubt as a whole", func(b *fixture) {
		crash(b, keyedIntent(1, 5))
		v := keyedVersion(2)
		v.Parts = nil
		b.turn(thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{v}, Landed: allLanded})
		if marks := b.record().Marks; len(marks) > 0 {
			b.Errorf("marks: %+v", marks)
		}
	}},
	{"only the marks of a call that may have been applied are over", func(b *fixture) {
		crash(b, intent("Name", 1))
		b.turn(thingstate.Result{Call: thingstate.MaybeApplied}, intent("Name", 2))
		marks := b.record().Marks
		if len(marks) != 2 || marks[0].Over || !marks[1].Over {
			b.Errorf("marks: %+v", marks)
		}
	}},
	{"a record handed out does not change", func(b *fixture) {
		crash(b, intent("Name", 1))
		r := b.turn(thingstate.Result{Call: thingstate.Succeeded, Applied: nameSet, Keys: []string{"key"}}, intent("Name", 2))
		if !slices.Equal(marked(r, "Name"), []byte{1}) || len(r.Versions) > 0 || r.Seen("key") {
			b.Errorf("the record changed under its reader: %+v", r)
		}
	}},
}, endingRules()...)

func endingRules() []rule {
	var rules []rule
	for _, e := range endings {
		rules = append(rules, rule{"marks after a call " + e.name, func(b *fixture) {
			crash(b, intent("Name", 1))
			b.turn(e.result, intent("Name", 2), intent("Model", 3))
			expectMarks(b, "Name", e.name1...)
			expectMarks(b, "Model", e.model...)
			if _, got := b.record().Version("Name"); got != e.nameApplied {
				b.Errorf("Name has a version: %v, want %v", got, e.nameApplied)
			}
		}})
	}
	return rules
}
