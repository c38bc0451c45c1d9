package statetest

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

func named(v thingstate.Version) map[string]thingstate.Version {
	return map[string]thingstate.Version{"Name": v}
}

func withParts(n int, parts map[thingstate.PartKey]message.Order) thingstate.Version {
	v := version(n)
	v.Parts = parts
	return v
}

func expectVersion(b *bench, want message.Order, d thingstate.Digest) {
	b.Helper()
	got := b.record().Versions["Name"]
	if got.Order.Compare(want) != 0 || got.Digest != d {
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
	{"an applied version is known with digest and time", func(b *bench) {
		b.apply(named(version(3)), "key")
		v := b.record().Versions["Name"]
		if v.Order.Compare(at(3)) != 0 || v.Digest != digest(3) || v.At.IsZero() {
			b.Errorf("version: %+v", v)
		}
	}},
	{"members have versions of their own", func(b *bench) {
		b.apply(map[string]thingstate.Version{"Name": version(1), "Model": version(2)})
		b.apply(named(version(3)))
		r := b.record()
		if r.Versions["Name"].Order.Compare(at(3)) != 0 || r.Versions["Model"].Order.Compare(at(2)) != 0 {
			b.Errorf("versions: %+v", r.Versions)
		}
	}},
	{"things have versions of their own", func(b *bench) {
		b.apply(named(version(1)))
		if r, _ := b.acquireFor("urn:thing:2", b.long()); len(r.Versions) > 0 {
			b.Errorf("versions of another thing: %+v", r.Versions)
		}
	}},
	{"the same order again takes the new digest", func(b *bench) {
		b.apply(named(version(1)))
		b.apply(named(thingstate.Version{Order: at(1), Digest: digest(9)}))
		expectVersion(b, at(1), digest(9))
	}},
	{"parts are added to and each keeps its newest order", func(b *bench) {
		b.apply(named(withParts(5, map[thingstate.PartKey]message.Order{1: at(5), 2: at(5)})))
		b.apply(named(withParts(6, map[thingstate.PartKey]message.Order{2: at(4), 3: at(6)})))
		b.apply(named(version(7)))
		parts := b.record().Versions["Name"].Parts
		for key, n := range map[thingstate.PartKey]int{1: 5, 2: 5, 3: 6} {
			if parts[key].Compare(at(n)) != 0 {
				b.Errorf("part %d: %+v, want that of %d", key, parts[key], n)
			}
		}
		if len(parts) != 3 {
			b.Errorf("%d parts, want 3", len(parts))
		}
	}},
	{"parts of an older value are added without its version", func(b *bench) {
		b.apply(named(withParts(5, map[thingstate.PartKey]message.Order{1: at(5)})))
		b.apply(named(withParts(4, map[thingstate.PartKey]message.Order{1: at(4), 2: at(4)})))
		expectVersion(b, at(5), digest(5))
		parts := b.record().Versions["Name"].Parts
		if len(parts) != 2 || parts[1].Compare(at(5)) != 0 || parts[2].Compare(at(4)) != 0 {
			b.Errorf("parts: %+v", parts)
		}
	}},
	{"parts are bounded, the oldest go first", func(b *bench) {
		for first := range 2 {
			parts := map[thingstate.PartKey]message.Order{}
			for i := range thingstate.MaxParts {
				n := first*50 + i
				parts[thingstate.PartKey(n)] = at(n)
			}
			b.apply(named(withParts(1000+first, parts)))
		}
		parts := b.record().Versions["Name"].Parts
		_, oldest := parts[49]
		_, kept := parts[50]
		_, newest := parts[50+thingstate.MaxParts-1]
		if len(parts) != thingstate.MaxParts || oldest || !kept || !newest {
			b.Errorf("%d parts; the 49th kept: %v, the 50th: %v, the newest: %v", len(parts), oldest, kept, newest)
		}
	}},
	{"parts given by the caller are not shared with it", func(b *bench) {
		parts := map[thingstate.PartKey]message.Order{1: at(1)}
		b.apply(named(withParts(1, parts)))
		parts[2] = at(2)
		if got := b.record().Versions["Name"].Parts; len(got) != 1 {
			b.Errorf("parts: %+v", got)
		}
	}},
	{"a record is forgotten after its last write", func(b *bench) {
		b = newBenchWith(b.T, b.Harness, Options{DedupTTL: 1000 * b.Tick, VersionTTL: 10 * b.Tick})
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
			rule{"newer by " + p.by + " replaces", func(b *bench) {
				b.apply(named(thingstate.Version{Order: p.older, Digest: digest(1)}))
				b.apply(named(thingstate.Version{Order: p.newer, Digest: digest(2)}))
				expectVersion(b, p.newer, digest(2))
			}},
			rule{"older by " + p.by + " does not replace", func(b *bench) {
				b.apply(named(thingstate.Version{Order: p.newer, Digest: digest(2)}))
				b.apply(named(thingstate.Version{Order: p.older, Digest: digest(1)}))
				expectVersion(b, p.newer, digest(2))
			}})
	}
	return rules
}
