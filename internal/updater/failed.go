package updater

import (
	"slices"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// notFoundGrace is how long after its SentTimestamp an update of an unknown thing
// is retried: the thing may be on its way.
const notFoundGrace = time.Minute

// failed decides what a failed call means for the updates that it carried: they wait and
// are tried again, go out one by one, or end as dead letters. No update ends as a dead
// letter because of a call that carried others.
func (u *Updater) failed(t *backlog.Turn, carried []*backlog.Item, f failure) ([]*backlog.Item, backlog.Next) {
	now := time.Now()
	if f.fault != quota { // throttles are normal, and metrics show them
		u.callLog.failed(f.code, f.detail)
		for _, it := range carried {
			it.Evidence.Failed(f.code, now)
		}
	}
	again := u.retry(t, f.retryAfter)
	if f.fault != quota && u.o.Circuit.State().Open {
		// A service in trouble proves nothing against an update.
		u.excuse(t, tried(t, carried))
		tellAgain(carried, again)
		return nil, again
	}
	switch f.fault {
	case values:
		return u.refused(t, carried, f, message.Rejected)
	case missing:
		wait := untilGraceEnds(carried, now)
		if wait <= 0 {
			return u.refused(t, carried, f, message.NotFound)
		}
		again.Delay = min(again.Delay, wait)
		for _, it := range carried {
			it.Counts(timeline.ThingMayCome, it.Evidence.Counted)
		}
		tellAgain(carried, again)
		return nil, again
	case denied:
		if guilty := u.countFailure(t, carried, now, evidence.DeniedLimit); len(guilty) > 0 {
			return u.giveUp(t, carried, guilty, f, message.Denied)
		}
		if slices.ContainsFunc(tried(t, carried), isCounted) {
			again.Delay += evidence.DeniedEvery
		}
	case trouble:
		if f.tooLarge && len(carried) > 1 {
			return u.refused(t, carried, f, message.Exhausted)
		}
		if guilty := u.countFailure(t, carried, now, u.o.FailureLimit); len(guilty) > 0 {
			return u.giveUp(t, carried, guilty, f, message.Exhausted)
		}
	}
	if f.fault != quota && slices.ContainsFunc(carried, hasNoComparison) && u.o.Retry.Ceiling(t.Failures+1) >= u.o.Retry.Max {
		again.Delay = max(again.Delay, u.o.Retry.Max)
	}
	tellAgain(carried, again)
	return nil, again
}

// refused dead-letters the update that the call carried. If it carried several, it takes
// them apart: each then goes out in a call of its own, in order.
func (u *Updater) refused(t *backlog.Turn, carried []*backlog.Item, f failure, why message.Reason) ([]*backlog.Item, backlog.Next) {
	if len(carried) > 1 {
		return takeApart(carried, t.Items)
	}
	it := carried[0]
	it.Claim.DeadLetter(it.Update, message.Failure{
		Reason: why, Code: f.code, Detail: f.detail, RequestID: f.requestID, Attempts: it.Evidence.Counted,
	})
	return []*backlog.Item{it}, backlog.Next{}
}

func takeApart(carried, items []*backlog.Item) ([]*backlog.Item, backlog.Next) {
	for _, it := range items {
		it.Apart = true
	}
	tellWait(carried, timeline.Apart, 0, "")
	return nil, backlog.Next{}
}

// giveUp is refused for a failure after which there is enough evidence against some of the
// updates that were tried, the guilty ones. The call need not have carried them. The others
// stay together: if each of them had to fail in calls of its own, a thing that goes on
// reporting would gather updates faster than it can lose them. The next turn is a retry,
// as it was before: a sick thing with many updates takes its share, no more.
func (u *Updater) giveUp(t *backlog.Turn, carried, guilty []*backlog.Item, f failure, why message.Reason) (settled []*backlog.Item, next backlog.Next) {
	if len(tried(t, carried)) > 1 {
		settled, next = takeApart(carried, guilty)
	} else {
		settled, next = u.refused(t, carried, f, why)
	}
	next.Failed = true
	return settled, next
}

// untilGraceEnds is how long the thing may still be on its way: until the grace of the
// oldest update ends. SQS's clock counts: ours may be minutes ahead.
func untilGraceEnds(items []*backlog.Item, now time.Time) time.Duration {
	wait := notFoundGrace
	for _, it := range items {
		wait = min(wait, it.Update.Order.SentAt.Add(notFoundGrace).Sub(now.Add(it.ClockAhead)))
	}
	return wait
}
