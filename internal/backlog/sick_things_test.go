package backlog_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
)

var (
	succeeded = evidence.CallCounts{Ended: 1, Answered: 1, Succeeded: 1}
	refused   = evidence.CallCounts{Ended: 1, Answered: 1}
)

// called gives the thing a turn of one call that ended so, and settles all of it.
func called(t *testing.T, b *backlog.Backlog, thing string, ended evidence.CallCounts) {
	t.Helper()
	b.Add(item(thing, 1))
	turn := take(t, b, thing, 1)
	b.Count(turn, ended)
	b.Done(turn, turn.Items, backlog.Next{})
}

// firstCalls counts those of all things but one that is never called.
func firstCalls(t *testing.T, b *backlog.Backlog) evidence.CallCounts {
	t.Helper()
	b.Add(item("observer", 0))
	turn := take(t, b, "observer", 1)
	defer b.Done(turn, turn.Items, backlog.Next{})
	return b.OtherCalls(turn)
}

func TestOnlyFirstCallsSayHowOtherThingsFare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		want := evidence.CallCounts{Ended: 1, Answered: 1}
		expect := func(what string) {
			t.Helper()
			if got := firstCalls(t, b); got != want {
				t.Errorf("%s: the first calls are %+v, want %+v", what, got, want)
			}
		}
		called(t, b, "sick", refused)
		expect("its first call")
		called(t, b, "sick", refused)
		time.Sleep(9 * time.Minute)
		called(t, b, "sick", refused)
		time.Sleep(9 * time.Minute)
		called(t, b, "sick", refused)
		expect("calls of a thing whose last call failed, less than 10 minutes after its message left")

		throttled := item("sick", 1)
		b.Add(throttled)
		turn := take(t, b, "sick", 1)
		b.ThrottledAgain(turn)
		b.Done(turn, []*backlog.Item{throttled}, backlog.Next{})
		called(t, b, "sick", refused)
		expect("a throttle changes nothing")

		called(t, b, "sick", succeeded)
		expect("the call that heals it was none of a healthy thing")
		called(t, b, "sick", refused)
		want.Ended, want.Answered = want.Ended+1, want.Answered+1
		expect("after a call that succeeded the next is a first one")

		time.Sleep(10 * time.Minute)
		called(t, b, "sick", refused)
		want.Ended, want.Answered = want.Ended+1, want.Answered+1
		expect("10 minutes after its last message left")
	})
}

func TestASickThingThatWaitsIsRememberedAsLongAsItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		it := item("sick", 1)
		b.Add(it)
		for range 3 {
			turn := take(t, b, "sick", 1)
			b.Count(turn, refused)
			b.Done(turn, nil, backlog.Next{Failed: true})
			time.Sleep(time.Hour)
		}
		b.Remove(it.Claim) // its lease is lost
		time.Sleep(9 * time.Minute)
		called(t, b, "sick", refused)
		if got := firstCalls(t, b); got != refused {
			t.Errorf("the first calls are %+v, want that of its first call alone", got)
		}
	})
}

func TestWhatIsRememberedOfSickThingsIsBounded(t *testing.T) {
	b := backlog.New()
	const things = 10_000
	for n := range things + 1 {
		called(t, b, fmt.Sprint("sick-", n), refused)
	}
	called(t, b, fmt.Sprint("sick-", things), refused) // remembered
	if got := firstCalls(t, b); got.Ended != things+1 {
		t.Errorf("%d first calls, want %d", got.Ended, things+1)
	}
	called(t, b, "sick-0", refused) // the first to leave is forgotten first
	if got := firstCalls(t, b); got.Ended != things+2 {
		t.Errorf("%d first calls, want %d", got.Ended, things+2)
	}
}
