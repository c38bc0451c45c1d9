package updater

import (
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// notFoundGrace is how long after its SentTimestamp an update of an unknown thing
// is retried: the thing may be on its way.
const notFoundGrace = time.Minute

// failed decides what a failed call means for the updates it carried: wait and
// try again, go out one by one, or end as a dead letter. No update ends as one
// because of a call that carried others.
func (u *Updater) failed(t *backlog.Turn, plan backlog.Plan, f failure) ([]backlog.Settlement, backlog.Next) {
	now := time.Now()
	if f.fault != quota { // which is the normal case, and the metrics' to show
		u.notices.failed(f.code, f.detail)
		for _, it := range plan.Carried {
			it.Attempts.Failed(f.code, now)
		}
	}
	again := backlog.Next{
		Failed: true, Confirm: t.Confirm,
		Delay: u.o.Retry.Delay(t.Failures+1, f.retryAfter, u.o.Rand),
	}
	if f.fault != quota && u.o.Circuit.State().Open {
		// Nothing is dead-lettered, and no attempt counted, on the word of a service
		// in trouble.
		others := u.backlog.Others(t)
		for _, it := range plan.Carried {
			it.Attempts.Others = others
			it.Story.Counts(timeline.WhileTheCircuitIsOpen, it.Attempts.Counted)
		}
		tellAgain(plan, again)
		return nil, again
	}
	switch f.fault {
	case values:
		return u.refused(t, plan, f, message.Rejected)
	case missing:
		wait := untilGraceEnds(plan.Carried, now)
		if wait <= 0 {
			return u.refused(t, plan, f, message.NotFound)
		}
		again.Delay = min(again.Delay, wait)
		for _, it := range plan.Carried {
			it.Story.Counts(timeline.ThingMayCome, it.Attempts.Counted)
		}
		tellAgain(plan, again)
		return nil, again
	case denied:
		if len(plan.Carried) > 1 {
			return u.refused(t, plan, f, message.Denied)
		}
		if u.countAll(t, plan, now, deniedAttempts) {
			return u.refused(t, plan, f, message.Denied)
		}
		again.Delay += deniedWait(plan.Carried[0].Attempts)
	case trouble:
		if f.tooLarge && len(plan.Carried) > 1 {
			return u.refused(t, plan, f, message.Exhausted)
		}
		if u.countAll(t, plan, now, u.o.Attempts) {
			return u.refused(t, plan, f, message.Exhausted)
		}
	}
	if f.fault != quota && alone(plan.Carried) && u.o.Retry.Ceiling(t.Failures+1) >= u.o.Retry.Max {
		again.Delay = max(again.Delay, u.o.Retry.Max)
	}
	tellAgain(plan, again)
	return nil, again
}

// refused ends the one update that the call carried as a dead letter, or takes
// the several apart: each then goes out in a call of its own, in order.
func (u *Updater) refused(t *backlog.Turn, plan backlog.Plan, f failure, why message.Reason) ([]backlog.Settlement, backlog.Next) {
	if len(plan.Carried) > 1 {
		for _, it := range t.Items {
			it.Apart = true
		}
		tellWait(plan.Carried, timeline.Apart, 0, "")
		return nil, backlog.Next{Confirm: t.Confirm}
	}
	it := plan.Carried[0]
	it.Claim.DeadLetter(it.Update, message.Failure{
		Reason: why, Code: f.code, Detail: f.detail, RequestID: f.requestID, Attempts: it.Attempts.Counted,
	})
	return []backlog.Settlement{{Item: it, Outcome: message.DeadLettered}}, backlog.Next{Confirm: t.Confirm}
}

// countAll counts a failure against each update that the call carried, and
// reports whether one of them has used up its attempts by it.
func (u *Updater) countAll(t *backlog.Turn, plan backlog.Plan, now time.Time, limit int) bool {
	others := u.backlog.Others(t)
	last := false
	for _, it := range plan.Carried {
		if t.Probe { // it went out before its time
			it.Attempts.Others = others
			it.Story.Counts(timeline.WhileTheCircuitIsOpen, it.Attempts.Counted)
			continue
		}
		counted := count(&it.Attempts, others, now)
		u.metrics.Attempts.Inc(counted)
		it.Story.Counts(countings[counted], it.Attempts.Counted)
		last = last || counted == telemetry.Counted && spent(it.Attempts, limit, now)
	}
	return last
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

// alone reports whether there was no other traffic to compare a failure with.
func alone(items []*backlog.Item) bool {
	for _, it := range items {
		if it.Attempts.NoEvidence {
			return true
		}
	}
	return false
}
