package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// While the store is down nothing is applied, nothing is dead-lettered and, soon,
// nothing is received; when it is back all goes on by itself.
func TestNothingIsAppliedWhileTheStoreIsDown(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		w := r.start(on(store))
		feed := r.traffic(100 * time.Millisecond)
		r.until("the first is applied", 10*time.Second, func() bool { return len(r.calls("")) > 5 })

		// A call that is under way by then could not be recorded, and would be sent again.
		r.until("no call is under way", 10*time.Second, store.goesDown)
		r.until("the worker says so", 10*time.Second, func() bool { return w.Status().Circuit.Open })
		r.send(`{"Identifier":"broken","Name":7}`) // its letter waits for better times
		if why := w.Status().Circuit.Why; why != "state" {
			t.Errorf("the circuit is open for %q", why)
		}
		if ok, reason := w.Ready(); ok || !strings.Contains(reason, "the state store does not answer") {
			t.Errorf("ready: %v, %q", ok, reason)
		}
		time.Sleep(time.Second)
		calls, received := len(r.calls("")), w.Status().Messages.Received
		time.Sleep(30 * time.Second)
		if n := len(r.calls("")) - calls; n > 0 {
			t.Errorf("%d calls without the store", n)
		}
		if n := w.Status().Messages.Received - received; n > 10 {
			t.Errorf("%d messages received without the store", n)
		}
		r.wantNoLetters()

		store.setDown(false)
		back := time.Now()
		r.until("calls go out again", 10*time.Second, func() bool { return len(r.calls("")) > calls })
		t.Logf("the first call %v after the store was back", time.Since(back))
		feed()
		r.drained(5 * time.Minute)
		if ok, reason := w.Ready(); !ok {
			t.Errorf("not ready: %s", reason)
		}
		r.oneLetter(message.InvalidMessage)
		if lines := w.lines(); strings.Count(lines, "circuit open") != 1 || strings.Count(lines, "circuit closed") != 1 {
			t.Errorf("it opened and closed more than once:\n%s", lines)
		}
		once(t, r)
		w.stopped()
	})
}

// A call whose end cannot be recorded at once is recorded later, not made again.
func TestACallIsNotRepeatedForAStoreThatBlinks(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Latency: 2 * time.Second}}, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		w := r.start(on(store))
		for n := range 5 {
			r.send(name(fmt.Sprint("thing-", n), "new"))
		}
		r.until("the calls are under way", 10*time.Second, func() bool { return w.Status().Calls.InFlight == 5 })
		store.setDown(true)
		time.Sleep(6 * time.Second)
		store.setDown(false)
		r.drained(time.Minute)
		once(t, r)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 5})
		w.stopped()
	})
}

// once checks that each thing and value was sent once.
func once(t *testing.T, r *rig) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range r.calls("") {
		if key := c.Thing + " " + string(c.Body); seen[key] {
			t.Errorf("sent again: %s", key)
		} else {
			seen[key] = true
		}
	}
}

// A worker that stands still between taking a thing's lease and making the call
// finds out before the request is written, wherever it stood still.
func TestNoCallIsMadeBehindTheEndOfItsLease(t *testing.T) {
	const still = time.Minute // much longer than a lease
	check := func(t *testing.T, r *rig, store *faultyStore, change func(*app.Options)) {
		r.sendAt(time.Now().Add(-time.Hour), name("lamp", "old"))
		w := r.start(change)
		time.Sleep(still / 2) // it stands still, and its lease has run out: another worker applies a newer value
		store.slowBy(0)
		_, l, err := store.Store.Acquire(t.Context(), "lamp", time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		newer := thingstate.Version{Member: "Name", Order: &message.Order{EventTime: time.Now()}}
		if err := store.Store.Finish(t.Context(), l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{newer}}); err != nil {
			t.Fatal(err)
		}
		r.drained(time.Minute)
		r.wantCalls("lamp", 0)
		w.wantOutcomes(map[message.Outcome]int{message.Superseded: 1})
		if !strings.Contains(w.lines(), "calls were not made") || strings.Contains(w.lines(), "stale") {
			t.Errorf("it does not say what happened:\n%s", w.lines())
		}
		w.stopped()
	}
	subtest(t, "when the lease is taken", layout{}, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		store.slowBy(still)
		check(t, r, store, on(store))
	})
	subtest(t, "when the request is about to be written", layout{}, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		check(t, r, store, func(o *app.Options) {
			o.Store = store
			o.Transport = &standstill{next: o.Transport, first: still}
		})
	})
}

// standstill stops the first call right before it goes out.
type standstill struct {
	next  http.RoundTripper
	first time.Duration
}

func (s *standstill) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && s.first > 0 {
		still := s.first
		s.first = 0
		time.Sleep(still)
		r = r.WithContext(context.WithoutCancel(r.Context())) // a stopped process sees no deadline pass
	}
	return s.next.RoundTrip(r)
}
