package updater

import (
	"context"
	"slices"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
)

// deadLeaseWait is how long a thing waits if the leases of all its messages have run out
// by our clock: by then the consumer has removed the messages.
const deadLeaseWait = time.Second

// replans is how often a turn may plan and mark its call. It plans again if the record,
// which it gets when it has marked, leads to another call.
const replans = 3

// prepared is a turn up to its call.
type prepared struct {
	// next is set if the turn is over before it got the thing's record.
	next *backlog.Next

	lease   thingstate.Lease
	record  thingstate.Record // as it was before
	settled []settlement      // decided by the record alone
	rest    []*backlog.Item   // the others
	plan    merge.Plan        // the call; all that it sends is marked
	carried []*backlog.Item   // of rest: those of which a value is in the call
	// skip is set if the call would set only what is known to be set.
	skip bool
	// notAfter is when a call could no longer end within the thing's lease, or the
	// lease of a message that it carries has run out.
	notAfter time.Time
}

// callable reports whether a call is to be made.
func (p prepared) callable() bool { return p.next == nil && !p.skip && len(p.plan.Members) > 0 }

// ended is how a turn ends: what is finished with, and when the thing has its next one.
type ended struct {
	settled []*backlog.Item
	next    backlog.Next
}

// turn runs one turn: it prepares the call by the thing's record, calls, records how that
// ended, and settles. It uses the token that the pace gave, or returns it. timeout is the
// call's.
func (u *Updater) turn(ctx context.Context, t *backlog.Turn, timeout time.Duration) {
	p := u.prepare(ctx, t)
	f := failure{fault: notSent}
	if p.callable() {
		p.plan = p.plan.SentAt(p.lease.Now())
		f = u.call(ctx, t, p, timeout)
	}
	if f.fault == notSent { // nothing was sent
		u.pace.Return()
	}
	end := u.conclude(ctx, t, p, f)
	for _, it := range u.backlog.Done(t, end.settled, end.next) { // left, since the worker stops
		if ctx.Err() == nil { // else the consumer gives them back, and counts them as stranded
			it.Claim.Release(0)
		}
	}
}

// prepare takes the thing's record, drops what it says is old, merges the rest, and
// marks what the call is to send.
func (u *Updater) prepare(ctx context.Context, t *backlog.Turn) prepared {
	items := live(t.Items)
	if len(items) == 0 {
		next := noLease(t)
		return prepared{next: &next}
	}
	rest, known := items, thingstate.Record{} // what is known before the record is there
	for range replans {
		marked := u.merger.Plan(waiting(rest), known)
		// A crash after this line leaves the members marked: the thing's next turn sends
		// them again.
		p := prepared{notAfter: time.Now().Add(LeaseMargin)}
		var err error
		if p.record, p.lease, err = u.store.Acquire(ctx, t.Thing, u.o.CallTimeout+LeaseMargin, marked.Intents); err != nil {
			next := u.unacquired(ctx, t, err)
			return prepared{next: &next}
		}
		u.o.Circuit.StateAnswered(t.Thing, true)
		still := live(items) // the store may have taken its time
		p.settled, p.rest = u.outcomes(still, p.record, telemetry.LostToRecord)
		p.plan = marked
		if !p.record.Empty() || len(still) < len(items) {
			p.plan = u.merger.Plan(waiting(p.rest), p.record)
		}
		p.carried = only(p.rest, p.plan.Carried)
		p.skip = u.merger.Unchanged(p.plan, p.record, p.lease.Now(), u.o.SkipUnchanged)
		p.notAfter = earliest(p.notAfter, p.carried)
		if !p.callable() || p.plan.MarkedBy(marked.Intents) {
			return p
		}
		// The record leaves another call than the one that was marked: its values must
		// be marked first.
		items, rest, known = still, p.rest, p.record
		u.finish(p.lease, thingstate.Result{Call: thingstate.NotSent})
	}
	again := u.retry(t, 0)
	return prepared{next: &again}
}

// noLease is what comes after a turn if the leases of all its messages have run out.
func noLease(t *backlog.Turn) backlog.Next {
	return backlog.Next{Delay: deadLeaseWait, Failed: t.Failures > 0}
}

// earliest is at, or the end of the lease of these messages that ends first, if that is
// earlier.
func earliest(at time.Time, items []*backlog.Item) time.Time {
	for _, it := range items {
		if until := it.Claim.Until(); until.Before(at) {
			at = until
		}
	}
	return at
}

// conclude records how the turn ended, and settles what is finished with by then.
func (u *Updater) conclude(ctx context.Context, t *backlog.Turn, p prepared, f failure) ended {
	switch {
	case p.next != nil:
		return ended{next: *p.next}
	case p.skip:
		return u.skipped(t, p)
	case f.fault == notSent: // the turn changes nothing
		next := backlog.Next{}
		switch {
		case len(p.plan.Members) > 0:
			next = backlog.Next{Failed: t.Failures > 0}
		case len(p.rest)+len(p.settled) == 0:
			next = noLease(t)
		}
		return ended{u.recordEnd(p, thingstate.Result{Call: thingstate.NotSent}, nil, ""), next}
	case f.fault == noFault:
		return u.succeeded(t, p, f.requestID)
	}
	result := thingstate.Result{Call: thingstate.NotSent}
	if f.unknown {
		result = thingstate.Result{Call: thingstate.OutcomeUnknown, Sent: p.plan.Intents}
		if f.over {
			result.Call = thingstate.MaybeApplied
		}
	}
	settled := u.recordEnd(p, result, nil, "")
	if ctx.Err() != nil && !f.answered {
		// The worker itself cut the call: that is no failure of the updates.
		return ended{settled, backlog.Next{Failed: true}}
	}
	lettered, next := u.failed(t, p.carried, f)
	return ended{append(lettered, settled...), next}
}

// skipped ends a turn whose call would set only what is known to be set.
func (u *Updater) skipped(t *backlog.Turn, p prepared) ended {
	for i := range p.plan.Applied {
		known, _ := p.record.Version(p.plan.Applied[i].Member)
		p.plan.Applied[i].At = known.At // when it was sent, not when it was skipped
	}
	result := thingstate.Result{Call: thingstate.NotSent, Applied: p.plan.Applied}
	after, _ := u.outcomes(p.rest, p.record.Preview(p.lease.Token, result), telemetry.LostToWaiting)
	for i, s := range after {
		if s.Outcome == message.Duplicate && slices.Contains(p.carried, s.item) {
			after[i].Outcome = message.Unchanged
		}
	}
	settled := u.recordEnd(p, result, after, "")
	if len(settled) < len(after)+len(p.settled) {
		return ended{settled, u.retry(t, 0)}
	}
	return ended{settled, backlog.Next{}}
}

// recordEnd records how the turn ended. Then it settles what the record decided before the
// call, and what is finished with after it, and returns both. If the end cannot be
// recorded, it settles only what does not depend on that.
func (u *Updater) recordEnd(p prepared, r thingstate.Result, after []settlement, requestID string) []*backlog.Item {
	before := p.settled
	r.Keys = append(keys(after), keys(before)...)
	// A crash before this write: the messages come again and the values are sent
	// again. A crash after it: the messages come again as duplicates.
	if !u.finish(p.lease, r) {
		after = nil
		before = slices.DeleteFunc(slices.Clone(before), func(s settlement) bool { return len(keys([]settlement{s})) > 0 })
	}
	settled := make([]*backlog.Item, 0, len(before)+len(after))
	for _, some := range [][]settlement{before, after} {
		for _, s := range some {
			if s.Outcome == message.Superseded || s.Outcome == message.Unsure {
				s.item.LostTo(s.lostTo, s.LostBy, requestID)
			}
			if s.Outcome == message.Applied && s.item.Evidence.Failures > 0 {
				u.callLog.recovered(s.item)
			}
			s.item.Claim.Settle(s.Outcome)
			settled = append(settled, s.item)
		}
	}
	return settled
}

// call makes the API call, unless its time is over before its first byte goes out,
// and tells the pace, the circuit, the backlog and the messages.
func (u *Updater) call(ctx context.Context, t *backlog.Turn, p prepared, timeout time.Duration) failure {
	cause := errCallTimeout
	if timeout < u.o.CallTimeout {
		cause = errProbeTimeout
	}
	callCtx, cancel := context.WithTimeoutCause(ctx, timeout, cause)
	defer cancel()
	in := managedthings.Input{Identifier: t.Thing, Members: p.plan.Members, NotAfter: p.notAfter}
	if t.Suspect {
		in.Written = func() { u.backlog.Written(t) }
	}
	call := timeline.StartCall(u.metrics, u.o.Traces, t.Thing, len(p.rest), func(i int) *timeline.Message { return p.rest[i].Message })
	out, err := u.api.UpdateManagedThing(callCtx, in)
	f := classify(err)
	if f.fault == notSent {
		call.NotMade()
		u.callLog.notMade(t.Thing)
		return f
	}
	f.detail = detail(err, p.plan.Members)
	if err == nil {
		f.requestID = out.RequestID
	}
	answer := timeline.Answer{Others: len(p.carried) - 1, Result: f.result, Code: f.code, Detail: f.detail, RequestID: f.requestID}
	call.Ended(&answer)
	for _, it := range p.carried {
		it.Called(answer)
	}
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
	counts := evidence.CallCounts{Ended: 1}
	if f.answered {
		counts.Answered = 1
	}
	if f.fault == noFault {
		counts.Succeeded = 1
	}
	u.backlog.Count(t, counts)
	return f
}

// succeeded records a call that was answered 204, and settles the updates that it
// finishes. If an earlier call of unknown outcome may yet land on top of it, no update that
// the earlier call touches is settled: the same values go out once more, later.
func (u *Updater) succeeded(t *backlog.Turn, p prepared, requestID string) ended {
	for _, it := range p.carried {
		it.Contributed = true
	}
	start := p.plan.Applied[0].At
	result := thingstate.Result{Call: thingstate.Succeeded, Applied: p.plan.Applied, Landed: start.Add(-u.merger.Landing)}
	preview := p.record.Preview(p.lease.Token, result)
	after, _ := u.outcomes(p.rest, preview, telemetry.LostToWaiting)
	settled := u.recordEnd(p, result, after, requestID)
	if len(settled) < len(after)+len(p.settled) {
		return ended{settled, u.retry(t, 0)}
	}
	if n := len(after); n > 1 {
		u.metrics.Merged.Add(n - 1)
	}
	resendAt := u.merger.ResendAt(p.plan, preview, start)
	if resendAt.IsZero() {
		return ended{settled, backlog.Next{}}
	}
	again := max(0, resendAt.Sub(p.lease.Now())) + time.Millisecond // records keep whole milliseconds
	tellWait(p.carried, timeline.ToBeSure, again, "")
	return ended{settled, backlog.Next{Delay: again}}
}
