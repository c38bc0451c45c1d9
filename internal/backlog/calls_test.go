package backlog_test

import (
	"testing"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
)

func TestAThingThatIsThrottledOnItsOwnSaysNothingOfTheQuota(t *testing.T) {
	b := backlog.New()
	b.Add(item("limited", 1))
	b.Add(item("other", 2))
	limited, other := take(t, b, "limited", 1), take(t, b, "other", 1)
	granted := func(turn *backlog.Turn, times int) {
		for range times {
			b.Count(turn, evidence.CallCounts{Ended: 1, Answered: 1, Succeeded: 1})
		}
	}
	granted(other, 100)
	if b.ThrottledAgain(limited) {
		t.Error("a thing's first throttle is laid to the thing")
	}
	granted(other, 2)
	if b.ThrottledAgain(limited) {
		t.Error("throttled twice with hardly a call for others in between: that may be the quota")
	}
	granted(other, 3)
	if !b.ThrottledAgain(limited) {
		t.Error("throttled again while others were let through: that is the thing's own limit")
	}
	granted(limited, 1)
	granted(other, 10)
	if b.ThrottledAgain(limited) {
		t.Error("a call that was let through did not clear the thing")
	}
}
