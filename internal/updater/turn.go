package updater

import (
	"context"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
)

const (
	// deadLeaseWait is how long a thing waits whose messages' leases have all run
	// out by our clock, until the consumer takes the messages away.
	deadLeaseWait = time.Second
	// lateWindow is how long after its start a call of unknown outcome may still
	// land, or twice its timeout where that is longer. AWS documents no bound; no
	// server known to us holds a request longer.
	lateWindow = 5 * time.Minute
)

// turn sees one turn through: acquire the thing's record, drop what it says is
// old, merge the rest, call, record, settle. It owns the token that the pace gave
// and hands it back where no call comes of it. timeout is the call's.
func (u *Updater) turn(ctx context.Context, t *backlog.Turn, timeout time.Duration) {
	items := live(t.Items)
	if len(items) == 0 {
		u.pace.Return()
		u.done(ctx, t, nil, backlog.Next{Delay: deadLeaseWait, Failed: t.Failures > 0, Confirm: t.Confirm})
		return
	}
	whole := u.merger.Plan(items, thingstate.Record{})
	// A crash behind this line leaves the members marked: whoever takes the thing
	// next sends them again.
	notAfter := time.Now().Add(LeaseMargin) // by then a call could still end within the lease
	rec, lease, err := u.store.Acquire(ctx, t.Thing, u.o.CallTimeout+LeaseMargin, whole.Intents)
	if err != nil {
		u.pace.Return()
		u.done(ctx, t, nil, u.unacquired(ctx, t, err))
		return
	}
	u.o.Circuit.StateAnswered(t.Thing, true)
	settled := u.merger.Outcomes(items, rec)
	u.settle(settled, telemetry.LostToRecord, "") // what makes these true was recorded before this turn
	rest, plan := without(items, settled), whole
	if !rec.Empty() {
		plan = u.merger.Plan(rest, rec)
	}
	now := time.Now()
	if len(plan.Members) == 0 {
		u.pace.Return()
		u.finish(ctx, lease, thingstate.Result{Call: thingstate.NotSent})
		u.done(ctx, t, settled, backlog.Next{})
		return
	}
	if plan.Unchanged(rec, now, u.o.SkipUnchanged) {
		u.pace.Return()
		for i := range plan.Applied {
			known, _ := rec.Version(plan.Applied[i].Member)
			plan.Applied[i].At = known.At // when it was sent, not when it was skipped
		}
		after := u.merger.Outcomes(rest, rec.Supposed(lease.Token, thingstate.Result{Applied: plan.Applied}))
		for i, s := range after {
			if s.Outcome == message.Duplicate && plan.Carries(s.Item) {
				after[i].Outcome = message.Unchanged
			}
		}
		if !u.finish(ctx, lease, thingstate.Result{Call: thingstate.NotSent, Applied: plan.Applied, Keys: keys(after)}) {
			u.done(ctx, t, settled, backlog.Next{Failed: true, Delay: u.o.Retry.Delay(t.Failures+1, 0, u.o.Rand)})
			return
		}
		u.settle(after, telemetry.LostToWaiting, "")
		u.done(ctx, t, append(after, settled...), backlog.Next{})
		return
	}

	f := u.call(ctx, t, rest, plan, timeout, notAfter)
	switch f.fault {
	case late: // nothing was sent: as if this turn had not been
		u.pace.Return()
		u.finish(ctx, lease, thingstate.Result{Call: thingstate.NotSent})
		u.done(ctx, t, settled, backlog.Next{Failed: t.Failures > 0, Confirm: t.Confirm})
		return
	case none:
		after, next := u.succeeded(ctx, t, rest, plan, rec, lease, f.requestID)
		u.done(ctx, t, append(after, settled...), next)
		return
	}
	result := thingstate.Result{Call: thingstate.NotSent}
	if f.unknown {
		result.Call = thingstate.OutcomeUnknown
		if f.over {
			result.Call = thingstate.MaybeApplied
		}
	}
	u.finish(ctx, lease, result)
	if ctx.Err() != nil && !f.answered {
		// The worker itself cut the call: that is no failure of the updates.
		u.done(ctx, t, settled, backlog.Next{Failed: true, Confirm: t.Confirm})
		return
	}
	lettered, next := u.failed(t, plan, f)
	u.done(ctx, t, append(lettered, settled...), next)
}

// call makes the API call, unless notAfter has passed before its first byte goes
// out, and tells the pace, the score and the metrics.
func (u *Updater) call(ctx context.Context, t *backlog.Turn, rest []*backlog.Item, plan backlog.Plan, timeout time.Duration, notAfter time.Time) failure {
	cause := errCallTimeout
	if timeout < u.o.CallTimeout {
		cause = errProbeTimeout
	}
	callCtx, cancel := context.WithTimeoutCause(ctx, timeout, cause)
	defer cancel()
	span := u.trace(t.Thing, rest)
	u.metrics.CallsInFlight.Inc()
	start := time.Now()
	in := managedthings.Input{Identifier: t.Thing, Members: plan.Members, NotAfter: notAfter}
	if t.Suspect {
		in.Written = func() { u.backlog.Written(t) }
	}
	out, err := u.api.UpdateManagedThing(callCtx, in)
	u.metrics.CallsInFlight.Dec()
	f := classify(err)
	if f.fault == late {
		span.End("", "late", "")
		u.log.Warn("a call was not made: the process stood still for so long that the thing's lease would not outlast it", telemetry.Thing(t.Thing))
		return f
	}
	took := time.Since(start)
	u.metrics.CallSeconds.Observe(took.Seconds())
	f.detail = detail(err, plan.Members)
	if err == nil {
		f.requestID = out.RequestID
	}
	u.metrics.Calls.Inc(f.result)
	tellCall(plan, f, took)
	span.End(f.requestID, f.code, f.detail)
	u.o.Circuit.Ended(t.Thing, f.ending(), f.code)
	switch f.fault {
	case quota:
		if u.backlog.ThrottledAgain(t) {
			u.pace.Report(pace.NoAnswer, 0) // a limit of that thing's own would starve all others
		} else {
			u.pace.Report(pace.Throttled, f.retryAfter)
		}
		return f
	case trouble, caller:
		u.pace.Report(pace.NoAnswer, f.retryAfter)
	default:
		u.pace.Report(pace.Granted, 0)
	}
	ended := backlog.Tally{Ended: 1}
	if f.answered {
		ended.Answered = 1
	}
	if f.fault == none {
		ended.Succeeded = 1
	}
	u.backlog.Count(t, ended)
	return f
}

// succeeded records a call that was answered 204 and settles all that it makes
// true. Where an earlier call of unknown outcome may yet land on top of this one,
// nothing that it touches is settled: the same values go out once more, later.
func (u *Updater) succeeded(ctx context.Context, t *backlog.Turn, rest []*backlog.Item, plan backlog.Plan, rec thingstate.Record, lease thingstate.Lease, requestID string) ([]backlog.Settlement, backlog.Next) {
	now := time.Now()
	again := u.sendAgainAfter(t, plan, rec, now)
	for _, it := range plan.Carried {
		it.Contributed = true
	}
	// What this call makes true is judged without the calls that it does not wait
	// for; the young ones are remembered all the same, for what comes next.
	result := thingstate.Result{Call: thingstate.Succeeded, Applied: plan.Applied, KeepMarks: again > 0}
	after := u.merger.Outcomes(rest, rec.Supposed(lease.Token, result))
	result.Keys = keys(after)
	result.KeepMarks = again > 0 || plan.Pending(rec, now, u.landsWithin())
	// A crash before this write: the messages come again and the values are sent
	// again. A crash behind it: the messages come again as duplicates.
	if !u.finish(ctx, lease, result) {
		return nil, backlog.Next{Failed: true, Confirm: t.Confirm, Delay: u.o.Retry.Delay(t.Failures+1, 0, u.o.Rand)}
	}
	u.settle(after, telemetry.LostToWaiting, requestID)
	if again > 0 {
		tellWait(plan.Carried, timeline.ToBeSure, again, "")
	}
	if n := len(after); n > 1 {
		u.metrics.Merged.Add(float64(n - 1))
	}
	return after, backlog.Next{Delay: again, Confirm: again > 0}
}

// sendAgainAfter is how long after a successful call its values go out once more,
// because an earlier call with others may land on top of it. 0 is not at all.
func (u *Updater) sendAgainAfter(t *backlog.Turn, plan backlog.Plan, rec thingstate.Record, now time.Time) time.Duration {
	started, any := plan.Rival(rec)
	age := now.Sub(started)
	if !any || age >= max(lateWindow, u.landsWithin()) || t.Confirm && age >= u.landsWithin() {
		return 0
	}
	return max(u.o.CallTimeout, u.landsWithin()-age)
}

// landsWithin is how long after its start a call of unknown outcome has landed,
// if it does at all, as far as a value that was sent twice relies on it.
func (u *Updater) landsWithin() time.Duration { return 2 * u.o.CallTimeout }
