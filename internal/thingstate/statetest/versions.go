package statetest

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

func named(v thingstate.Version) []thingstate.Version {
	v.Member = "Name"
	return []thingstate.Version{v}
}

// parts are keys with the n of their orders.
type parts map[thingstate.PartKey]int

func withParts(n int, set parts) thingstate.Version {
	v := version(n)
	var of []thingstate.Part
	for key, n := range set {
		of = append(of, thingstate.Part{Key: key, Order: new(at(n))})
	}
	v.Parts = thingstate.NewParts(of)
	return v
}

func expectParts(b *fixture, want parts) {
	b.Helper()
	v, _ := b.record().Version("Name")
	for key, n := range want {
		if got := v.Parts.Order(key); got == nil || got.Compare(at(n)) != 0 {
			b.Errorf("part %d: %+v, want that of %d", key, got, n)
		}
	}
	if len(v.Parts) != len(want) {
		b.Errorf("%d parts, want %d", len(v.Parts), len(want))
	}
}

func expectVersion(b *fixture, want message.Order, d thingstate.Digest) {
	b.Helper()
	got, known := b.record().Version("Name")
	if !known || got.Order.Compare(want) != 0 || got.Digest != d {
		b.Errorf("version %+v, want %+v with digest %v", got, want, d)
	}
}

// newer are pairs of orders, each later by one thing alone.
var newer = []struct {
	by           string
	older, newer message.Order
}{
	{"one nanosecond of event time", at(1), at(2)},
	{"event time against everything else", message.Order{EventTime: epoch, Sequence: "9", SentAt: epoch.Add(time.Hour), MessageID: "z"}, message.Order{EventTime: epoch.Add(1), SentAt: epoch, MessageID: "a"}},
	{"sequence number of more digits", ordered("9", 0, "m"), ordered("10", 0, "m")},
	{"sequence number of 20 digits", ordered("18870659384132600832", 0, "m"), ordered("18870659384132600833", 0, "m")},
	{"sequence number against none", ordered("", 5, "z"), ordered("1", 0, "a")},
	{"sent time", ordered("7", 1, "z"), ordered("7", 2, "a")},
	{"message id", ordered("7", 1, "a"), ordered("7", 1, "b")},
}

// ordered is the order of an update at the epoch, sent ms milliseconds later.
func ordered(sequence string, ms int, id string) message.Order {
	return message.Order{EventTime: epoch, Sequence: sequence, SentAt: epoch.Add(time.Duration(ms) * time.Millisecond), MessageID: id}
}

var versionRules = append([]rule{
	{"an applied version is known with digest and time", func(b *fixture) {
		b.apply(named(version(3)), "key")
		v, known := b.record().Version("Name")
		if !known || v.Order.Compare(at(3)) != 0 || v.Digest != digest(3) || v.At.IsZero() {
			b.Errorf("version: %+v", v)
		}
	}},
	{"members have versions of their own", func(b *fixture) {
		model := version(2)
		model.Member = "Model"
		b.apply([]thingstate.Version{version(1), model})
		b.apply(named(version(3)))
		expectVersion(b, at(3), digest(3))
		if v, known := b.record().Version("Model"); !known || v.Order.Compare(at(2)) != 0 {
			b.Errorf("Model: %+v", v)
		}
	}},
	{"things have versions of their own", func(b *fixture) {
		b.apply(named(version(1)))
		if r, _ := b.acquireFor("urn:thing:2", b.long()); len(r.Versions) > 0 {
			b.Errorf("versions of another thing: %+v", r.Versions)
		}
	}},
	{"the same order again takes the new digest", func(b *fixture) {
		b.apply(named(version(1)))
		b.apply(named(thingstate.Version{Order: new(at(1)), Digest: digest(9)}))
		expectVersion(b, at(1), digest(9))
	}},
	{"parts are added to and each keeps its newest order", func(b *fixture) {
		b.apply(named(withParts(5, parts{1: 5, 2: 5})))
		b.apply(named(withParts(6, parts{2: 4, 3: 6})))
		b.apply(named(version(7)))
		expectParts(b, parts{1: 5, 2: 5, 3: 6})
	}},
	{"parts of an older value are added without its version", func(b *fixture) {
		b.apply(named(withParts(5, parts{1: 5})))
		b.apply(named(withParts(4, parts{1: 4, 2: 4})))
		expectVersion(b, at(5), digest(5))
		expectParts(b, parts{1: 5, 2: 4})
	}},
	{"parts are bounded, the oldest go first", func(b *fixture) {
		want := parts{}
		for first := range 2 {
			set := parts{}
			for i := range thingstate.MaxParts {
				n := first*50 + i
				set[thingstate.PartKey(n)], want[thingstate.PartKey(n)] = n, n
			}
			b.apply(named(withParts(1000+first, set)))
		}
		for n := range 50 {
			delete(want, thingstate.PartKey(n))
		}
		expectParts(b, want)
	}},
	{"more parts than the bound in one value", func(b *fixture) {
		set, want := parts{}, parts{}
		for n := range thingstate.MaxParts + 9 {
			set[thingstate.PartKey(n)] = n
			if n >= 9 {
				want[thingstate.PartKey(n)] = n
			}
		}
		b.apply(named(withParts(1000, set)))
		expectParts(b, want)
	}},
	{"parts that are all set anew are those of the new value", func(b *fixture) {
		b.apply(named(withParts(5, parts{1: 5, 3: 5})))
		b.apply(named(withParts(6, parts{3: 6, 2: 6, 1: 6})))
		expectParts(b, parts{1: 6, 2: 6, 3: 6})
	}},
	{"a record is forgotten after its last write", func(b *fixture) {
		b = newFixtureWith(b.T, b.Harness, Options{DedupTTL: 1000 * b.Tick, VersionTTL: 10 * b.Tick})
		b.apply(named(version(1)), "key")
		b.pass(6)
		b.record() // a write
		b.pass(6)
		r, l := b.acquireFor(thing, b.Tick, intent("Name", 2))
		if len(r.Versions) != 1 {
			b.Errorf("forgotten too early: %+v", r)
		}
		b.finish(l, thingstate.Result{Call: thingstate.OutcomeUnknown})
		b.pass(12)
		if r := b.record(); len(r.Versions) > 0 || len(r.Marks) > 0 {
			b.Errorf("still remembered: %+v", r)
		}
	}},
}, orderRules()...)

func orderRules() []rule {
	var rules []rule
	for _, p := range newer {
		rules = append(rules,
			rule{"newer by " + p.by + " replaces", func(b *fixture) {
				b.apply(named(thingstate.Version{Order: &p.older, Digest: digest(1)}))
				b.apply(named(thingstate.Version{Order: &p.newer, Digest: digest(2)}))
				expectVersion(b, p.newer, digest(2))
			}},
			rule{"older by " + p.by + " does not replace", func(b *fixture) {
				b.apply(named(thingstate.Version{Order: &p.newer, Digest: digest(2)}))
				b.apply(named(thingstate.Version{Order: &p.older, Digest: digest(1)}))
				expectVersion(b, p.newer, digest(2))
			}})
	}
	return rules
}
