// Package updater makes the API's calls. It takes the things in the order of the backlog
// and runs the turn of each: from the thing's record to the outcome of every message that
// the turn settles.
package updater

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/grace"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// API is the one operation of the service that the worker uses. It does not
// retry: an error is one failed call. Safe for use by many goroutines.
type API interface {
	UpdateManagedThing(ctx context.Context, in managedthings.Input) (managedthings.Output, error)
}

// Options of an Updater.
type Options struct {
	Concurrency   int           // calls under way at most
	CallTimeout   time.Duration // of one call
	Retry         retry.Policy  // between the failures of one thing
	FailureLimit  int           // counted failures before an update is dead-lettered
	Semantics     merge.Semantics
	SkipUnchanged time.Duration // 0: never skip
	Circuit       *pace.Circuit
	Traces        *telemetry.Traces // nil: there are none
	Rand          *rand.Rand        // of the waits; nil is the process's own
}

// LeaseMargin is how much longer than a call's timeout a thing's lease lasts. If the process
// stands still for longer than that before a call, it makes no call. So a call starts at
// most LeaseMargin after it was marked. Twice its timeout after that it counts as landed:
// AWS documents no bound.
const LeaseMargin = 10 * time.Second

// Updater runs the turns. Make it with New, run it with Run.
type Updater struct {
	o         Options
	merger    merge.Merger
	backlog   *backlog.Backlog
	store     thingstate.Store
	pace      pace.Pace
	api       API
	metrics   *telemetry.Metrics
	log       *zap.Logger
	callLog   callLog
	heartbeat heartbeat

	recordUntil context.Context // of Finish: ends RecordAfterCut after Run's work; set by Run
}

// New makes an Updater.
func New(b *backlog.Backlog, s thingstate.Store, p pace.Pace, api API, m *telemetry.Metrics, log *zap.Logger, o Options) *Updater {
	return &Updater{
		o: o, merger: merge.Merger{Semantics: o.Semantics, Landing: 2*o.CallTimeout + LeaseMargin},
		backlog: b, store: s, pace: p, api: api, metrics: m, log: log,
		callLog: callLog{telemetry.NewNotices(log)}, heartbeat: heartbeat{began: time.Now(), goroutines: o.Concurrency},
	}
}

// LastTick is when Run last made progress. It is now while all its goroutines are busy
// with turns, which have deadlines of their own.
func (u *Updater) LastTick() time.Time { return u.heartbeat.last() }

// Run gives things their turns until take ends, and returns when the turns under
// way are done. When work ends they are cut, with its cause.
//
// Each goroutine takes a turn, sees it through and takes the next. Only one goroutine at
// a time takes a turn. It gets a token first and picks the thing second, so updates that
// arrive meanwhile still merge.
func (u *Updater) Run(take, work context.Context) {
	defer u.callLog.Close()
	var end func()
	u.recordUntil, end = grace.Of(work).Until(RecordAfterCut, errNotRecorded)
	defer end()
	wait := &boundedWait{of: take}
	defer wait.close()
	// A channel and not a mutex: in a synctest bubble a goroutine that waits for a mutex
	// is not durably blocked, and time would stand still.
	turnstile := make(chan struct{}, 1)
	var runners sync.WaitGroup
	defer runners.Wait()
	for range u.o.Concurrency {
		runners.Go(func() {
			for {
				turnstile <- struct{}{}
				turn, probe, err := u.next(take, wait)
				if err == nil {
					u.heartbeat.busy.Add(1)
				}
				<-turnstile
				if err != nil {
					return
				}
				timeout := u.o.CallTimeout
				if probe > 0 {
					timeout = probe
				}
				u.turn(work, turn, timeout)
				u.probeDone(probe)
				u.heartbeat.tick()
				u.heartbeat.busy.Add(-1)
			}
		})
	}
}

// next waits for a token and for a turn. While the circuit is open the turn is a probe, and
// probe is how long its call may take; otherwise it is 0.
func (u *Updater) next(ctx context.Context, wait *boundedWait) (turn *backlog.Turn, probe time.Duration, err error) {
	for {
		u.heartbeat.tick()
		take := u.backlog.Take
		if probe, err = u.waitProbe(ctx); err != nil {
			return nil, 0, err
		}
		if probe > 0 {
			take = u.backlog.TakeProbe
		} else if err := u.waitReady(ctx, wait); err != nil {
			return nil, 0, err
		}
		if err := u.waitToken(ctx, wait); err != nil {
			u.probeDone(probe)
			return nil, 0, err
		}
		if u.circuitOpen() == (probe > 0) { // a probe may take what waits out a Retry-After; nothing else may
			if turn := take(); turn != nil {
				return turn, probe, nil
			}
		}
		u.pace.Return()
		u.probeDone(probe)
	}
}

// waitProbe waits, while the circuit is open, until the next probe may go out, and returns
// how long that may take. It returns 0 if the circuit is closed.
func (u *Updater) waitProbe(ctx context.Context) (time.Duration, error) {
	for {
		timeout, wait, ok := u.o.Circuit.TakeProbe()
		if ok {
			return timeout, nil
		}
		if wait == 0 {
			return 0, nil
		}
		u.heartbeat.tick()
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

func (u *Updater) probeDone(probe time.Duration) {
	if probe > 0 {
		u.o.Circuit.ProbeDone()
	}
}

// waitToken waits for the pace, with a heartbeat: the API may have asked for a minute's
// silence.
func (u *Updater) waitToken(ctx context.Context, wait *boundedWait) error {
	for {
		err := u.pace.Wait(wait.context())
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.heartbeat.tick()
	}
}

// retry is a next turn after a failure, and not before floor.
func (u *Updater) retry(t *backlog.Turn, floor time.Duration) backlog.Next {
	return backlog.Next{Failed: true, Delay: u.o.Retry.Delay(t.Failures+1, floor, u.o.Rand)}
}

// circuitOpen reports whether the next turn is a probe.
func (u *Updater) circuitOpen() bool { return u.o.Circuit.State().Open }

// waitReady waits for a thing to be ready, with a heartbeat. It returns at once if the
// circuit is open: a probe takes what backs off as well. Turns open the circuit before they
// end, and their ends wake the backlog.
func (u *Updater) waitReady(ctx context.Context, wait *boundedWait) error {
	for !u.circuitOpen() && !u.backlog.HasNext() {
		u.heartbeat.tick()
		err := u.backlog.Ready(wait.context(), u.circuitOpen)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
