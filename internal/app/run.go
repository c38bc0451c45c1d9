package app

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/admin"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/ecs"
	"managed-thing-updater/internal/grace"
	"managed-thing-updater/internal/status"
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
// It returns nil if all work was finished, ErrStranded if it was not, and a
// *SetupError if the worker cannot run as it is set up.
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
	w.stopped = grace.Of(ctx)
	server := admin.New(admin.Options{
		Addr: w.cfg.AdminAddr, Token: w.cfg.AdminToken, Hosts: w.cfg.AdminHosts, Health: w.health,
		Ready: w.Ready, Status: func() any { return w.Status() }, Registry: w.metrics.Registry, Log: w.log,
		Stories: w.reporter, Live: w.page, Control: w, Level: w.o.Level,
	})
	addr, err := server.Start()
	if err != nil {
		return &SetupError{err, "nothing was started"}
	}
	// The page and the terminal show the worker to its end.
	watch, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	var watchers loops
	if w.cfg.AdminAddr != "" {
		watchers.run("page", func() { w.page.Run(watch) })
	}
	if w.o.OnStatus != nil {
		watchers.run("terminal", func() { w.tellStatus(watch) })
	}
	defer func() {
		endWatch()
		deadline, end := w.until(closeBefore)
		defer end()
		deadline, cancel := context.WithTimeout(deadline, closeAtMost)
		defer cancel()
		watchers.wait(deadline)    // a terminal that takes nothing is left behind
		_ = server.Close(deadline) // a scrape that is cut loses nothing
	}()
	if err := w.build(ctx); err != nil {
		w.closeTraces()
		if ctx.Err() != nil {
			w.log.Info("stopped while starting; no message was received", zap.NamedError("cause", context.Cause(ctx)))
			return nil
		}
		return err
	}
	defer func() { _ = w.closeState() }() // nothing is waited for there
	w.log.Info("started",
		zap.String("version", w.o.Version), telemetry.Queue(w.cfg.QueueURL), zap.String("dead_letter_queue", w.deadLetterURL),
		zap.String("admin", addr), telemetry.State(w.cfg.StateName()), zap.Time("late_updates_known_since", w.Status().Store.Since))
	return w.work(ctx)
}

// work runs the loops until ctx ends and sees to it that nothing is left behind.
func (w *Worker) work(ctx context.Context) error {
	// Two contexts: the end of the first ends the receiving and the taking of
	// turns, and must not end the calls and the settling, which the second holds.
	work, endWork := w.until(grace.CutBefore)
	defer endWork()
	keep, endKeep := context.WithCancel(context.WithoutCancel(ctx))
	defer endKeep()

	w.health.Watch(updaterLoop, loopSilence, w.updater.LastTick)
	w.health.Watch(receiveLoop, loopSilence, func() time.Time { return w.consumer.Stats().ReceiveBeat })
	w.health.Watch(keepLoop, loopSilence, func() time.Time { return w.consumer.Stats().KeepBeat })
	var working, keeper loops
	keeper.run(keepLoop, func() { w.consumer.Keep(keep) })
	working.run(receiveLoop, func() { w.consumer.Receive(ctx, work) })
	working.run(updaterLoop, func() { w.updater.Run(ctx, work) })
	working.run("status", func() { w.reporter.Run(ctx) })
	if w.o.Examine {
		working.run("doctor", func() { w.logProblems(ctx) })
	}
	if uri := os.Getenv(ecs.AgentURI); uri != "" {
		held := func() int { return w.consumer.Stats().Held }
		working.run("ecs protection", func() { ecs.New(ecs.Options{URI: uri, Held: held, Log: w.log}).Run(ctx) })
	}
	w.reporter.Phase(status.Receiving, "")

	<-ctx.Done()
	err := w.stop(ctx, work, &working)
	endKeep()
	closing, end := w.until(closeBefore)
	defer end()
	keeper.wait(closing)
	if err == nil && w.consumer.Stats().Stranded > 0 {
		err = ErrStranded // of some SQS has not said what became of them
	}
	w.closeTraces() // before the last line: it may have something to say
	s := w.Status()
	sums := s.Sums().Fields()
	if err != nil {
		w.log.Error("stopped", append(sums, zap.Error(err))...)
		return err
	}
	w.log.Info("stopped", sums...)
	return nil
}

// tellStatus tells OnStatus how the worker is, once a second until ctx ends.
func (w *Worker) tellStatus(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			w.o.OnStatus(w.Status())
		}
	}
}
