package thingstate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

// However far the worker's clock is from the store's, what a record's times are
// compared with is of the store's, and never ahead of it.
func TestALeaseTellsTheTimeOfTheStore(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			tb := &statetest.Table{Clock: func() time.Time { return time.Now().Add(7 * time.Minute) }, Slow: 2 * time.Second}
			store := thingstate.NewShared(tb, thingstate.SharedOptions{Now: func() time.Time { return time.Now().Add(off) }})
			intents := []thingstate.Intent{{Member: "Name", Order: &message.Order{}}}
			_, l, err := store.Acquire(t.Context(), "lamp", time.Minute, intents)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if behind := tb.Clock().Sub(l.Now()); behind != tb.Slow/2 {
				t.Errorf("a worker whose clock is %v off: its lease is %v behind the store, want the %v that the answer took", off, behind, tb.Slow/2)
			}
			if err := store.Finish(t.Context(), l, thingstate.Result{Call: thingstate.OutcomeUnknown, Applied: []thingstate.Version{{Member: "Name", Order: &message.Order{}}}, Keys: []string{"k"}}); err != nil {
				t.Fatal(err)
			}
			sent := tb.Clock()
			time.Sleep(30 * time.Second)
			r, l, err := store.Acquire(t.Context(), "lamp", time.Minute, nil)
			if err != nil {
				t.Fatal(err)
			}
			for what, age := range map[string]time.Duration{
				"mark": l.Now().Sub(r.Marks[0].At), "version": l.Now().Sub(r.Versions[0].At), "key": l.Now().Sub(r.Keys[0].At),
			} {
				want := tb.Clock().Sub(sent)
				if what == "mark" {
					want += 32 * time.Second // it is as old as the Acquire
				}
				if age < want-5*time.Second || age > want+5*time.Second {
					t.Errorf("a worker whose clock is %v off: the %s is %v old, want %v", off, what, age, want)
				}
			}
		})
	}
}

func TestSharedIsAStore(t *testing.T) {
	statetest.Run(t, statetest.Harness{
		Open: func(_ *testing.T, o statetest.Options) statetest.Opened {
			tb := &statetest.Table{}
			replica := func() thingstate.Store {
				return thingstate.NewShared(tb, thingstate.SharedOptions{DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL})
			}
			return statetest.Opened{Store: replica(), Replica: replica, Lose: tb.Lose}
		},
		Run:  synctest.Test,
		Tick: time.Minute,
	})
}

func TestLateRequestsToATableInMemory(t *testing.T) {
	for name, clock := range map[string]func() time.Time{"its own clock": time.Now, "its callers' clocks": nil} {
		t.Run(name, func(t *testing.T) { statetest.Late(t, statetest.LateHarness{Table: &statetest.Table{Clock: clock}}) })
	}
}
