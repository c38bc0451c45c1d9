package admission

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/pace"
)

// testGate is a gate with all that it asks.
type testGate struct {
	*Gate
	circuit   *pace.Circuit
	rate      float64
	inLine    int
	probed    time.Time // of all that waits
	unrenewed bool      // leases cannot be renewed
}

func (b *testGate) InLine() int                         { return b.inLine }
func (b *testGate) AllProbedSince(since time.Time) bool { return b.probed.After(since) }

// withGate runs a test in virtual time, with 10 calls a second and leases whose horizon is 40 s.
func withGate(t *testing.T, test func(t *testing.T, b *testGate)) {
	synctest.Test(t, func(t *testing.T) {
		b := &testGate{circuit: pace.NewCircuit(30*time.Second, nil), rate: 10}
		b.Gate = New(Options{MaxHeld: 1000, Lease: lease, Rate: func() float64 { return b.rate }, Circuit: b.circuit, Waiting: b, LeasesEnd: func() bool { return b.unrenewed }})
		test(t, b)
	})
}

func (b *testGate) open() {
	for n := range 3 {
		b.circuit.Ended(fmt.Sprint(n), pace.Failing, "ServiceUnavailableException")
	}
}

// want says how many of 10 messages are to be let in beside so many.
func (b *testGate) want(t *testing.T, held, coming, n int) {
	t.Helper()
	got, wait := b.Admit(held, coming, 10)
	if got != n || (wait > 0) != (n == 0) || wait > 10*time.Second {
		t.Errorf("beside %d held and %d coming: %d of 10, again in %v, want %d", held, coming, got, wait, n)
	}
}

func TestAllThatThereIsRoomForComesIn(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		b.want(t, 0, 0, 10)
		b.want(t, 5000, 30, 10)
		if n, _ := b.Admit(0, 0, 3); n != 3 {
			t.Errorf("%d of 3", n)
		}
	})
}

func TestNothingComesInDuringAPause(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		b.Pause.Begin()
		time.Sleep(time.Hour)
		b.want(t, 0, 0, 0)
		b.open() // not even to probe with
		b.want(t, 0, 0, 0)
		b.circuit.Resume()
		if b.Pause.Begin() {
			t.Error("a pause began during a pause")
		}
		if lasted, ok := b.Pause.End(); !ok || lasted != time.Hour {
			t.Errorf("the pause lasted %v, %v", lasted, ok)
		}
		b.want(t, 0, 0, 10)
		if _, ok := b.Pause.End(); ok {
			t.Error("a pause ended twice")
		}
	})
}

func TestAPauseHoldsTokensBack(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		p := b.Pause.Pace(pace.NewLearned(pace.LearnedOptions{Start: 10, Max: 100}))
		began := time.Now()
		b.Pause.Begin()
		time.AfterFunc(time.Hour, func() { b.Pause.End() })
		if err := p.Wait(t.Context()); err != nil || time.Since(began) < time.Hour {
			t.Errorf("a token after %v of a pause of 1 h: %v", time.Since(began), err)
		}
		b.Pause.Begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Wait(ctx); err == nil {
			t.Error("a token during a pause")
		}
	})
}

func TestNoMoreComesInThanIsWorthHolding(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		for n := range 1000 {
			b.Saw(fmt.Sprint(n), "")
		}
		b.inLine = 389
		b.want(t, 389, 10, 10)
		b.want(t, 389, 11, 0)
		b.inLine = 400
		b.want(t, 400, 0, 0)
		b.Saw("a", "tenant") // tenants take turns, and a turn can only be given to what is held
		b.want(t, 400, 0, 10)
		b.unrenewed = true // what is not called within its first lease is lost
		b.want(t, 400, 0, 0)
	})
}

func TestFullIsTwoReceivesShortOfWhatIsWorthHolding(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		for inLine, full := range map[int]bool{0: false, 379: false, 380: true, 400: true} {
			if b.inLine = inLine; b.Full() != full {
				t.Errorf("%d of 400 things in line: full is %v", inLine, !full)
			}
		}
	})
}

// The status is asked for often, and asking must not change it.
func TestAskingDoesNotChangeWhatIsWorthHolding(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		b.want(t, 0, 0, 10)
		before, _ := b.LookAhead()
		b.rate = 0.5 // for a moment
		b.LookAhead()
		b.Full()
		b.rate = 10
		if after, _ := b.LookAhead(); after != before {
			t.Errorf("%d things were worth holding; after a look at a moment of 0.5 calls a second %d are", before, after)
		}
	})
}

func TestAnOpenCircuitLetsInABatchIfFewAreHeld(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		b.open()
		b.want(t, 0, 0, 10)
		b.want(t, 2, 0, 10)
		b.want(t, 3, 0, 0)
		b.want(t, 2, 10, 0)
		b.circuit.Resume()
		b.want(t, 3, 0, 10)
	})
}

func TestAnOpenCircuitLetsInABatchAMinuteIfAllWasProbedInVain(t *testing.T) {
	withGate(t, func(t *testing.T, b *testGate) {
		time.Sleep(time.Minute)
		b.probed = time.Now() // before it opened
		b.open()
		time.Sleep(3 * time.Minute)
		b.want(t, 5, 0, 0)
		b.probed = time.Now()
		b.want(t, 5, 0, 10)
		b.want(t, 15, 0, 0)
		time.Sleep(time.Minute)
		b.want(t, 15, 0, 10)

		b.circuit.Resume()
		b.open()
		b.probed = time.Now().Add(time.Second)
		time.Sleep(2*time.Minute - time.Second)
		b.want(t, 25, 0, 0)
		time.Sleep(time.Second)
		b.want(t, 25, 0, 10)
	})
}
