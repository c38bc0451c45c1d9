package statetest

import (
	"fmt"
	"strings"

	"managed-thing-updater/internal/thingstate"
)

func settle(b *fixture, keys ...string) {
	b.Helper()
	b.turn(thingstate.Result{Keys: keys})
}

func expectSeen(b *fixture, key string, want bool) {
	b.Helper()
	if got := b.record().Seen(key); got != want {
		b.Errorf("Seen(%.40q): %v, want %v", key, got, want)
	}
}

func manyKeys(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint("sqs:", i))
	}
	return keys
}

var keyRules = []rule{
	{"a settled key is seen, another is not", func(b *fixture) {
		settle(b, "sqs:1", "sqs:2", "sqs:1")
		expectSeen(b, "sqs:1", true)
		expectSeen(b, "sqs:2", true)
		expectSeen(b, "sqs:3", false)
		expectSeen(b, "SQS:1", false)
		expectSeen(b, "", false)
	}},
	{"a key belongs to its thing", func(b *fixture) {
		settle(b, "sqs:1")
		if r, _ := b.acquireFor("urn:thing:2", b.long()); r.Seen("sqs:1") {
			b.Error("seen at another thing")
		}
	}},
	{"a key of any text is kept", func(b *fixture) {
		for _, key := range []string{"cloudevents:/a\nb", "sns:\x00", "attribute:\uffff é", strings.Repeat("k", 256)} {
			settle(b, key)
			expectSeen(b, key, true)
		}
	}},
	{"keys are remembered whatever became of the call", func(b *fixture) {
		for call, key := range map[thingstate.Call]string{thingstate.NotSent: "a", thingstate.Succeeded: "b", thingstate.OutcomeUnknown: "c"} {
			b.turn(thingstate.Result{Call: call, Keys: []string{key}})
			expectSeen(b, key, true)
		}
	}},
	{"keys are bounded, the oldest go first", func(b *fixture) {
		const more = 20
		keys := manyKeys(thingstate.MaxKeys + more)
		settle(b, keys[:100]...)
		settle(b, keys[100:]...)
		expectSeen(b, keys[more-1], false)
		expectSeen(b, keys[more], true)
		expectSeen(b, keys[len(keys)-1], true)
		if n := len(b.record().Keys); n != thingstate.MaxKeys {
			b.Errorf("%d keys, want %d", n, thingstate.MaxKeys)
		}
	}},
	{"a key settled again counts as new", func(b *fixture) {
		settle(b, "again", "old")
		settle(b, "again")
		settle(b, manyKeys(thingstate.MaxKeys-1)...)
		expectSeen(b, "again", true)
		expectSeen(b, "old", false)
	}},
	{"a key is forgotten in its time, the versions are not", func(b *fixture) {
		b = newFixtureWith(b.T, b.Harness, Options{DedupTTL: 10 * b.Tick, VersionTTL: 1000 * b.Tick})
		b.apply(named(version(1)), "first")
		b.pass(6)
		settle(b, "second")
		expectSeen(b, "first", true)
		b.pass(6)
		expectSeen(b, "first", false)
		expectSeen(b, "second", true)
		b.pass(6)
		expectSeen(b, "second", false)
		expectVersion(b, at(1), digest(1))
	}},
	{"a key outlives a record whose versions ran out", func(b *fixture) {
		b = newFixtureWith(b.T, b.Harness, Options{DedupTTL: 20 * b.Tick, VersionTTL: 5 * b.Tick})
		b.apply(named(version(1)), "key")
		b.pass(7)
		r := b.record()
		if len(r.Versions) > 0 || !r.Seen("key") {
			b.Errorf("record: %+v", r)
		}
	}},
}
