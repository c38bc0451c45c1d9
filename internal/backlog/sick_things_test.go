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
	succeeded = evidence.Score{Ended: 1, Answered: 1, Succeeded: 1}
	refused   = evidence.Score{Ended: 1, Answered: 1}
)

// called gives the thing a turn of one call that ended so, and settles all of it.
func called(t *testing.T, b *backlog.Backlog, thing string, ended evidence.Score) {
	t.Helper()
	b.Add(item(thing, 1))
	turn := take(t, b, thing, 1)
	b.Count(turn, ended)
	b.Done(turn, turn.Items, backlog.Next{})
}

// score is that of all things but one that is never called.
func score(t *testing.T, b *backlog.Backlog) evidence.Score {
	t.Helper()
	b.Add(item("observer", 0))
	turn := take(t, b, "observer", 1)
	defer b.Done(turn, turn.Items, backlog.Next{})
	return b.Others(turn)
}

func TestOnlyFirstCallsSayHowOtherThingsFare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		want := evidence.Score{Ended: 1, Answered: 1}
		expect := func(what string) {
			t.Helper()
			if got := score(t, b); got != want {
				t.Errorf("%s: the score is %+v, want %+v", what, got, want)
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
		if got := score(t, b); got != refused {
			t.Errorf("the score is %+v, want that of its first call alone", got)
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
	if got := score(t, b); got.Ended != things+1 {
		t.Errorf("%d first calls, want %d", got.Ended, things+1)
	}
	called(t, b, "sick-0", refused) // the first to leave is forgotten first
	if got := score(t, b); got.Ended != things+2 {
		t.Errorf("%d first calls, want %d", got.Ended, things+2)
	}
}
