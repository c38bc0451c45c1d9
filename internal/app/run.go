package app

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/admin"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/ecs"
	"managed-thing-updater/internal/telemetry"
)

// ErrStranded says that the worker had to stop before all its work was finished:
// what was left was given back to the queue, and comes again.
var ErrStranded = errors.New("stopped before all work was finished; what was left comes again")

// The loops that health watches, and how long one may be silent.
const (
	updaterLoop = "updater"
	receiveLoop = "receive"
	keepLoop    = "leases"
	loopSilence = time.Minute
)

// Run runs a worker until ctx ends, whose cause says why, and stops it in order.
// It returns nil where all work was finished, ErrStranded where it was not, and a
// *SetupError where the worker cannot run as it is set up.
func Run(ctx context.Context, cfg config.Config, o Options) error {
	useOneProcessor()
	defer runtime.KeepAlive(ballast(cfg.MaxHeldBytes))
	o.Examine = true
	w := New(cfg, o)
	if w.o.Traces == nil {
		w.o.Traces = telemetry.StartTraces(ctx, w.o.Version, w.o.Name, w.log)
	}
	return w.Run(ctx)
}

// Run is as the function of the same name.
func (w *Worker) Run(ctx context.Context) error {
	server := admin.New(admin.Options{
		Addr: w.cfg.AdminAddr, Token: w.cfg.AdminToken, Health: w.health,
		Ready: w.Ready, Status: func() any { return w.Status() }, Registry: w.metrics.Registry, Log: w.log,
		Stories: stories{w}, Live: w.page, Control: w, Level: w.o.Level,
	})
	addr, err := server.Start()
	if err != nil {
		return &SetupError{err, "nothing was started"}
	}
	// Who watches sees the worker to its end.
	watch, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	var watchers sync.WaitGroup
	if w.cfg.AdminAddr != "" {
		watchers.Go(func() { w.page.Run(watch) })
	}
	if w.o.Glance != nil {
		watchers.Go(func() { w.glance(watch) })
	}
	defer func() {
		endWatch()
		watchers.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exitMargin)
		defer cancel()
		_ = server.Close(ctx) // a scrape that is cut loses nothing
	}()
	if err := w.build(ctx); err != nil {
		w.closeTraces(ctx)
		if ctx.Err() != nil {
			w.log.Info("stopped while starting; no message was received", zap.NamedError("cause", context.Cause(ctx)))
			return nil
		}
		return err
	}
	defer func() { _ = w.closeState() }() // nothing is waited for there
	w.log.Info("started",
		zap.String("version", w.o.Version), telemetry.Queue(w.cfg.QueueURL), zap.String("dead_letter_queue", w.deadLetterURL),
		zap.String("admin", addr), telemetry.State(w.cfg.StateName()), zap.Time("late_updates_known_since", w.fenceStart()))
	return w.work(ctx)
}

// work runs the loops until ctx ends and sees to it that nothing is left behind.
func (w *Worker) work(ctx context.Context) error {
	// Two contexts: the end of the first ends the receiving and the taking of
	// turns, and must not end the calls and the settling, which the second holds.
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	keep, endKeep := context.WithCancel(context.WithoutCancel(ctx))
	defer endKeep()

	w.health.Watch(updaterLoop, loopSilence, w.updater.LastBeat)
	w.health.Watch(receiveLoop, loopSilence, func() time.Time { return w.consumer.Stats().ReceiveBeat })
	w.health.Watch(keepLoop, loopSilence, func() time.Time { return w.consumer.Stats().KeepBeat })
	var loops, keeper sync.WaitGroup
	keeper.Go(func() { w.consumer.Keep(keep) })
	loops.Go(func() { w.consumer.Receive(ctx, work) })
	loops.Go(func() { w.updater.Run(ctx, work) })
	loops.Go(func() { w.watchSpending(ctx) })
	if w.o.Examine {
		loops.Go(func() { w.logProblems(ctx) })
	}
	if uri := os.Getenv(ecs.AgentURI); uri != "" {
		held := func() int { return w.consumer.Stats().Held }
		loops.Go(func() { ecs.New(ecs.Options{URI: uri, Held: held, Log: w.log}).Run(ctx) })
	}
	w.phase.set(receiving, "")

	<-ctx.Done()
	err := w.stop(work, cut, &loops, context.Cause(ctx))
	endKeep()
	keeper.Wait()
	if err == nil && w.consumer.Stats().Stranded > 0 {
		err = ErrStranded // of some SQS has not said what became of them
	}
	w.closeTraces(ctx) // before the last line: it may have something to say
	w.logSums(err)
	return err
}

// closeTraces delivers the last spans. A collector that does not take them keeps
// nobody waiting for long, and never beyond WORKER_SHUTDOWN_TIMEOUT.
func (w *Worker) closeTraces(ctx context.Context) {
	end := time.Now().Add(2 * time.Second)
	if !w.exitBy.IsZero() && w.exitBy.Before(end) {
		end = w.exitBy
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	if err := w.o.Traces.Close(ctx); err != nil {
		w.log.Debug("the last spans were not delivered", zap.Error(err))
	}
}

const (
	cutBefore  = 2 * time.Second // before the shutdown's end: what is open is cut
	exitMargin = 250 * time.Millisecond
)

var errCut = errors.New("the worker stops: WORKER_SHUTDOWN_TIMEOUT is nearly over")

// stop lets what is under way finish, in at most WORKER_SHUTDOWN_TIMEOUT.
func (w *Worker) stop(work context.Context, cut context.CancelCauseFunc, loops *sync.WaitGroup, cause error) error {
	deadline := time.Now().Add(w.cfg.ShutdownTimeout)
	w.exitBy = deadline
	w.phase.set(draining, "draining: "+cause.Error())
	w.page.Look() // a drain may be over before the second is
	w.health.Forget(updaterLoop)
	w.health.Forget(receiveLoop)
	before := w.consumer.Stats()
	w.log.Info("stopping: no receive starts any more; waiting for what is under way",
		zap.NamedError("cause", cause), zap.Int("held", before.Held), zap.Int("settling", before.Settling),
		zap.Int("polls_open", before.PollsOpen), zap.Duration("at_most", w.cfg.ShutdownTimeout))
	timer := time.AfterFunc(w.cfg.ShutdownTimeout-cutBefore, func() { cut(errCut) })
	defer timer.Stop()
	for _, item := range w.backlog.Close() {
		item.Claim.Release(0)
	}
	w.intake.Close()
	loops.Wait()
	flushed := w.consumer.Flush(work)
	// A call that was cut leaves its messages held, and nothing of them to settle.
	if s := w.consumer.Stats(); flushed == nil && s.Held == 0 && s.PollsCut == 0 {
		return nil
	}
	last, cancel := context.WithDeadline(context.WithoutCancel(work), deadline.Add(-exitMargin))
	defer cancel()
	w.consumer.Abandon(last)
	return ErrStranded
}
