package updater

import (
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// notFoundGrace is how long after its SentTimestamp an update of an unknown thing
// is retried: the thing may be on its way.
const notFoundGrace = time.Minute

// failed decides what a failed call means for the updates it carried: wait and
// try again, go out one by one, or end as a dead letter. No update ends as one
// because of a call that carried others.
func (u *Updater) failed(t *backlog.Turn, carried []*backlog.Item, f failure) ([]*backlog.Item, backlog.Next) {
	now := time.Now()
	if f.fault != quota { // which is the normal case, and the metrics' to show
		u.notices.failed(f.code, f.detail)
		for _, it := range carried {
			it.Evidence.Failed(f.code, now)
		}
	}
	again := backlog.Next{
		Failed: true, Confirm: t.Confirm,
		Delay: u.o.Retry.Delay(t.Failures+1, f.retryAfter, u.o.Rand),
	}
	if f.fault != quota && u.o.Circuit.State().Open {
		// Nothing is dead-lettered, and no attempt counted, on the word of a service
		// in trouble.
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
		if over := u.countAll(t, carried, now, evidence.DeniedAttempts); len(over) > 0 {
			return u.spent(t, carried, over, f, message.Denied)
		}
		again.Delay += deniedWait(tried(t, carried))
	case trouble:
		if f.tooLarge && len(carried) > 1 {
			return u.refused(t, carried, f, message.Exhausted)
		}
		if over := u.countAll(t, carried, now, u.o.Attempts); len(over) > 0 {
			return u.spent(t, carried, over, f, message.Exhausted)
		}
	}
	if f.fault != quota && alone(carried) && u.o.Retry.Ceiling(t.Failures+1) >= u.o.Retry.Max {
		again.Delay = max(again.Delay, u.o.Retry.Max)
	}
	tellAgain(carried, again)
	return nil, again
}

// refused ends the one update that the call carried as a dead letter, or takes
// the several apart: each then goes out in a call of its own, in order.
func (u *Updater) refused(t *backlog.Turn, carried []*backlog.Item, f failure, why message.Reason) ([]*backlog.Item, backlog.Next) {
	if len(carried) > 1 {
		return u.takeApart(t, carried, t.Items)
	}
	it := carried[0]
	it.Claim.DeadLetter(it.Update, message.Failure{
		Reason: why, Code: f.code, Detail: f.detail, RequestID: f.requestID, Attempts: it.Evidence.Counted,
	})
	return []*backlog.Item{it}, backlog.Next{Confirm: t.Confirm}
}

func (u *Updater) takeApart(t *backlog.Turn, carried []*backlog.Item, items []*backlog.Item) ([]*backlog.Item, backlog.Next) {
	for _, it := range items {
		it.Apart = true
	}
	tellWait(carried, timeline.Apart, 0, "")
	return nil, backlog.Next{Confirm: t.Confirm}
}

// spent is refused for a failure with which some of those that were tried have used up
// their attempts: over. These need not be those that the call carried. The others stay
// together: if each of them had to use up its attempts in calls of its own, a thing that
// goes on reporting would gather updates faster than it can lose them. What comes next
// is a retry, as it was before: a sick thing with many updates takes its share, no more.
func (u *Updater) spent(t *backlog.Turn, carried []*backlog.Item, over []*backlog.Item, f failure, why message.Reason) (settled []*backlog.Item, next backlog.Next) {
	if len(tried(t, carried)) > 1 {
		settled, next = u.takeApart(t, carried, over)
	} else {
		settled, next = u.refused(t, carried, f, why)
	}
	next.Failed = true
	return settled, next
}

// untilGraceEnds is how long the youngest of the updates may still hope for its
// thing to appear; where several are carried and one's time is up, it is up. SQS's
// clock counts: ours may be minutes ahead.
func untilGraceEnds(items []*backlog.Item, now time.Time) time.Duration {
	wait := notFoundGrace
	for _, it := range items {
		wait = min(wait, it.Update.Order.SentAt.Add(notFoundGrace).Sub(now.Add(it.ClockAhead)))
	}
	return wait
}
