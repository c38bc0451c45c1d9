package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

// A store that has a clock of its own, as Redis does, and a worker whose clock is minutes
// or an hour off, either way: what a worker knows by the store's times it does at the
// same moment as with clocks that agree.
func TestTheWorkersClockDoesNotMatterBesideAStoreWithItsOwn(t *testing.T) {
	for _, ahead := range []time.Duration{0, 6 * time.Minute, -6 * time.Minute, time.Hour, -time.Hour} {
		shared := func() func(*app.Options) {
			table := &statetest.Table{Clock: func() time.Time { return time.Now().Add(-ahead) }}
			return func(o *app.Options) {
				o.Store = thingstate.NewShared(table, thingstate.SharedOptions{DedupTTL: time.Hour, VersionTTL: 2 * time.Hour})
			}
		}
		on := func(what string) string { return fmt.Sprintf("a worker %v ahead: %s", ahead, what) }
		subtest(t, on("a call that lands late is undone, in time"), layout{}, func(t *testing.T, r *rig) {
			r.onCall("a", first(1, hangsAndLands(14*time.Second)))
			w := r.start(shared())
			r.send(name("a", "old"))
			time.Sleep(time.Second)
			r.send(name("a", "new"))
			r.drained(90 * time.Second)
			time.Sleep(time.Minute)
			w.stopped()
			r.wantMember("a", "Name", `"new"`)
		})
		subtest(t, on("a value is skipped as unchanged for as long as is set"), layout{settings: func(c *config.Config) { c.SkipUnchanged = 10 * time.Minute }}, func(t *testing.T, r *rig) {
			w := r.start(shared())
			r.settled(localcloud.Message{Body: name("a", "same")})
			time.Sleep(9 * time.Minute)
			r.settled(localcloud.Message{Body: name("a", "same")})
			r.wantCalls("a", 1)
			time.Sleep(2 * time.Minute)
			r.settled(localcloud.Message{Body: name("a", "same")})
			r.wantCalls("a", 2)
			w.stopped()
		})
		subtest(t, on("a dedup key and a version are remembered for as long as is set"), layout{}, func(t *testing.T, r *rig) {
			w := r.start(shared())
			event := func(value string) localcloud.Message {
				return localcloud.Message{Body: name("a", value), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}}
			}
			r.settled(event("first"))
			time.Sleep(59 * time.Minute)
			r.settled(event("first"))
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 1})
			time.Sleep(2 * time.Minute)
			r.settled(event("again"))
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Duplicate: 1})
			time.Sleep(119 * time.Minute)
			r.settled(localcloud.Message{Body: name("a", "late"), Attributes: occurredAt(time.Now().Add(-2 * time.Hour))})
			r.wantMember("a", "Name", `"again"`)
			w.stopped()
		})
		subtest(t, on("a thing that another worker left is taken when its lease ends"), layout{}, func(t *testing.T, r *rig) {
			open := shared()
			var o app.Options
			open(&o)
			lease := r.cfg.CallTimeout + 10*time.Second
			if _, _, err := o.Store.Acquire(r.t.Context(), "a", lease, nil); err != nil { // and it dies
				r.t.Fatal(err)
			}
			w := r.start(open)
			began := time.Now()
			r.settled(localcloud.Message{Body: name("a", "new")})
			if took := time.Since(began); took < lease-time.Second || took > lease+5*time.Second {
				r.t.Errorf("it was taken after %v, want %v and up to a second or two", took, lease)
			}
			w.stopped()
		})
	}
}
