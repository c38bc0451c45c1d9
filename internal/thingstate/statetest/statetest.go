// Package statetest has the tests that every thingstate.Store must pass.
package statetest

import (
	"testing"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Options are the settings under which a test opens a store.
type Options struct{ DedupTTL, VersionTTL time.Duration }

// Harness says how to test one kind of store.
type Harness struct {
	// Open returns a store without records. What it leaves behind is cleaned up
	// by t.Cleanup.
	Open func(t *testing.T, o Options) Opened
	// Run runs the body of one test; nil runs it as it is. A store in memory
	// gives synctest.Test, so that its time is virtual; a store behind a socket,
	// which cannot live in a bubble, gives nil and takes real time.
	Run func(t *testing.T, body func(t *testing.T))
	// Tick is the unit of the suite's times: leases and TTLs are a few ticks
	// long, the longest wait 25. It must be well above what one call of the store
	// takes and above the resolution of its clock: for a store in memory any
	// length, for one behind a socket some 200 ms.
	Tick time.Duration
	// Parallel runs the rules side by side, for a store that takes real time.
	Parallel bool
	// Blind says that the store cannot see why a request was refused: it does not
	// tell when another owner's lease ends, nor make room for acquisitions that were
	// not finished, nor know a Finish that was made once another owner came.
	Blind bool
}

// Opened is a store under test.
type Opened struct {
	Store thingstate.Store
	// Replica returns another worker's store of the same records; nil is Store
	// itself, for one that ends with its process.
	Replica func() thingstate.Store
	// Lose has the answers of the next n requests lost after they were carried out,
	// and their connections broken; below 0 of all from now on, at 0 of none any
	// more. Nil if there is nothing between a store and its records.
	Lose func(n int)
	// Advance lets time pass by the store's clock; nil is time.Sleep, right for
	// virtual and real time. A store whose clock the test can move gives its own.
	Advance func(d time.Duration)
}

// Run runs the suite, one subtest a rule.
func Run(t *testing.T, h Harness) {
	if h.Run == nil {
		h.Run = func(t *testing.T, body func(*testing.T)) { body(t) }
	}
	for _, group := range [][]rule{leaseRules, markRules, versionRules, keyRules, boundRules, answerRules} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) {
				if h.Parallel {
					t.Parallel()
				}
				h.Run(t, func(t *testing.T) { r.test(newFixture(t, h)) })
			})
		}
	}
}

type rule struct {
	name string
	test func(b *fixture)
}

// fixture is one test's store with shorthands that fail the test on an error.
type fixture struct {
	*testing.T
	Harness
	store  thingstate.Store
	opened Opened
}

// thing is the one that most tests are about.
const thing = "urn:thing:1"

func newFixture(t *testing.T, h Harness) *fixture {
	return newFixtureWith(t, h, Options{DedupTTL: 1000 * h.Tick, VersionTTL: 1000 * h.Tick})
}

func newFixtureWith(t *testing.T, h Harness, o Options) *fixture {
	opened := h.Open(t, o)
	if opened.Advance == nil {
		opened.Advance = time.Sleep
	}
	return &fixture{T: t, Harness: h, store: opened.Store, opened: opened}
}

// replica returns another worker's store of the same records.
func (b *fixture) replica() thingstate.Store {
	if b.opened.Replica == nil {
		return b.store
	}
	return b.opened.Replica()
}

// long is a lease that does not end within a test.
func (b *fixture) long() time.Duration { return 1000 * b.Tick }

// near reports whether two readings of a clock are of the same moment, as far as a
// store that is a network away can tell.
func (b *fixture) near(t, u time.Time) bool { return t.Sub(u).Abs() < b.Tick }

func (b *fixture) pass(ticks int) { b.opened.Advance(time.Duration(ticks) * b.Tick) }

func (b *fixture) acquire(intents ...thingstate.Intent) (thingstate.Record, thingstate.Lease) {
	b.Helper()
	return b.acquireFor(thing, b.long(), intents...)
}

func (b *fixture) acquireFor(thing string, lease time.Duration, intents ...thingstate.Intent) (thingstate.Record, thingstate.Lease) {
	b.Helper()
	r, l, err := b.store.Acquire(b.Context(), thing, lease, intents)
	if err != nil {
		b.Fatalf("Acquire(%s): %v", thing, err)
	}
	return r, l
}

func (b *fixture) finish(l thingstate.Lease, r thingstate.Result) {
	b.Helper()
	if err := b.store.Finish(b.Context(), l, r); err != nil {
		b.Fatalf("Finish: %v", err)
	}
}

// turn acquires the thing and finishes it at once. It returns the record as it was before.
func (b *fixture) turn(result thingstate.Result, intents ...thingstate.Intent) thingstate.Record {
	b.Helper()
	r, l := b.acquire(intents...)
	b.finish(l, result)
	return r
}

// apply records versions as a call that succeeded does.
func (b *fixture) apply(versions []thingstate.Version, keys ...string) {
	b.Helper()
	b.turn(thingstate.Result{Call: thingstate.Succeeded, Applied: versions, Keys: keys})
}

// record reads the record and leaves it as it was.
func (b *fixture) record() thingstate.Record {
	b.Helper()
	return b.turn(thingstate.Result{})
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is the order of an update that happened n nanoseconds after the epoch.
func at(n int) message.Order {
	return message.Order{
		EventTime: epoch.Add(time.Duration(n)), SentAt: epoch.Add(time.Hour).Truncate(time.Millisecond),
		Sequence: "18870659384132600832", MessageID: "219f8380-5770-4cc2-8c3e-5c715e145f5e",
	}
}

func digest(n byte) thingstate.Digest { return thingstate.Digest{15: n} }

func intent(member string, n int) thingstate.Intent {
	return thingstate.Intent{Member: member, Digest: digest(byte(n)), Order: new(at(n))}
}

// version is a value of Name.
func version(n int) thingstate.Version {
	return thingstate.Version{Member: "Name", Order: new(at(n)), Digest: digest(byte(n))}
}

// marked are the digests' last bytes of a member's marks, in their order.
func marked(r thingstate.Record, member string) []byte {
	var out []byte
	for m := range r.MarksOf(member) {
		out = append(out, m.Digest[15])
	}
	return out
}
