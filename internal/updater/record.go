package updater

import (
	"context"
	"errors"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
)

// finishTimeout bounds the tries to record a call's end if the first one fails,
// finishEvery the wait between two of them.
const (
	finishTimeout = 10 * time.Second
	finishEvery   = time.Second
)

// RecordAfterCut is how long the ends of calls may still be recorded after a stop has cut
// them. A call whose end is not recorded by then keeps its mark, and is made again.
const RecordAfterCut = time.Second

var errNotRecorded = errors.New("the worker stops")

// finish records how a turn ended. It reports false if that could not be done: then nothing
// that depends on it may be settled. What a call did must be recorded even if the stop has
// cut the call, so this goes on until u.recordUntil ends.
func (u *Updater) finish(lease thingstate.Lease, r thingstate.Result) bool {
	ctx := u.recordUntil
	err := u.store.Finish(ctx, lease, r)
	if err != nil && !errors.Is(err, thingstate.ErrLeaseLost) {
		err = u.finishLate(ctx, lease, r)
	}
	switch {
	case err == nil:
	case errors.Is(err, thingstate.ErrLeaseLost):
		if r.Call == thingstate.NotSent {
			break // nothing was written under the lease
		}
		u.metrics.StaleWrites.Inc()
		u.log.Warn("possible stale write: the thing's lease ran out during the call and another owner took it", telemetry.Thing(lease.Thing))
	default:
		u.o.Circuit.StateAnswered(lease.Thing, false)
		u.callLog.failed("state", "the end of a call could not be recorded, so its values are sent again: "+err.Error())
	}
	return err == nil
}

// finishLate tries again to record a call's end. The call was made: to record it late is
// better than to make it again.
func (u *Updater) finishLate(ctx context.Context, lease thingstate.Lease, r thingstate.Result) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	often := retry.Policy{Base: u.o.Retry.Base, Max: min(u.o.Retry.Max, finishEvery)}
	return retry.Do(ctx, often, retry.Options{Rand: u.o.Rand}, func(ctx context.Context) error {
		err := u.store.Finish(ctx, lease, r)
		if errors.Is(err, thingstate.ErrLeaseLost) {
			err = retry.Permanent(err)
		}
		return err
	})
}

// unacquired says what comes after a turn that did not get its thing's record. If another
// worker has the thing, others take their turns meanwhile.
func (u *Updater) unacquired(ctx context.Context, t *backlog.Turn, err error) backlog.Next {
	if held, ok := errors.AsType[*thingstate.HeldError](err); ok {
		u.o.Circuit.StateAnswered(t.Thing, true)
		jitter := retry.Policy{Base: time.Second, Max: time.Second}.Delay(1, 0, u.o.Rand)
		delay := max(0, time.Until(held.Until)) + jitter
		tellWait(t.Items, timeline.ForAnother, delay, "")
		return backlog.Next{Delay: delay, Failed: t.Failures > 0}
	}
	if ctx.Err() == nil {
		_, answered := errors.AsType[*thingstate.UnreadableError](err) // of one thing, however many there are
		u.o.Circuit.StateAnswered(t.Thing, answered)
		u.callLog.failed("state", err.Error())
	}
	next := u.retry(t, 0)
	tellWait(t.Items, timeline.ForTheStore, next.Delay, err.Error())
	return next
}
