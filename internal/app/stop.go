package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/grace"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/updater"
)

// A stop has one deadline: WORKER_SHUTDOWN_TIMEOUT after the signal. Each wait of a
// stop ends so long before it, grace.CutBefore first and then in this order, so that what
// comes after a wait that hung has its time too.
const (
	// loopsBefore: a loop that does not end with its context is left behind. The
	// updater records what it cut until updater.RecordAfterCut after the cut.
	loopsBefore = grace.CutBefore - updater.RecordAfterCut - 100*time.Millisecond
	// settleBefore: what is stranded is left to the end of its lease.
	settleBefore = 250 * time.Millisecond
	// tracesBefore: the last spans are dropped.
	tracesBefore = 150 * time.Millisecond
	// closeBefore: requests to the admin server are cut, and so is all else.
	closeBefore = 50 * time.Millisecond

	// The stop does not wait longer for these, even if the deadline is far away.
	tracesAtMost = 2 * time.Second
	closeAtMost  = 250 * time.Millisecond
)

var errCut = errors.New("the worker stops: WORKER_SHUTDOWN_TIMEOUT is nearly over")

// until returns a context that ends so long before the deadline of the stop.
func (w *Worker) until(before time.Duration) (context.Context, func()) {
	return w.stopped.Until(w.cfg.ShutdownTimeout-before, errCut)
}

// stop lets what is under way finish, until work ends.
func (w *Worker) stop(ctx, work context.Context, working *loops) error {
	cause := context.Cause(ctx)
	w.reporter.Phase(status.Draining, "draining: "+cause.Error())
	w.page.Sample() // a drain may be over before the second is
	w.health.Forget(updaterLoop)
	w.health.Forget(receiveLoop)
	before := w.consumer.Stats()
	w.log.Info("stopping: no receive starts any more; waiting for what is under way",
		zap.NamedError("cause", cause), zap.Int("held", before.Held), zap.Int("settling", before.Settling),
		zap.Int("polls_open", before.PollsOpen), zap.Duration("at_most", w.cfg.ShutdownTimeout))
	for _, item := range w.backlog.Close() {
		item.Claim.Release(0)
	}
	w.intake.Close()
	loopsEnd, end := w.until(loopsBefore)
	defer end()
	left := working.wait(loopsEnd)
	if left != nil {
		w.log.Error("a part of the worker does not come to its end; stopping without it", zap.Strings("parts", left))
	}
	flushed := w.consumer.Flush(work)
	// A call that was cut leaves its messages held, and nothing of them to settle.
	if s := w.consumer.Stats(); flushed == nil && left == nil && s.Held == 0 && s.PollsCut == 0 {
		return nil
	}
	settleEnd, end := w.until(settleBefore)
	defer end()
	w.consumer.Abandon(settleEnd)
	return ErrStranded
}

// closeTraces delivers the last spans. It does not wait long for a collector that does
// not take them.
func (w *Worker) closeTraces() {
	deadline, end := w.until(tracesBefore)
	defer end()
	deadline, cancel := context.WithTimeout(deadline, tracesAtMost)
	defer cancel()
	if err := w.o.Traces.Close(deadline); err != nil {
		w.log.Debug("the last spans were not delivered", zap.Error(err))
	}
}

// loops are goroutines with names. The zero value is ready for use.
type loops struct {
	all sync.WaitGroup

	mu      sync.Mutex
	running []string
}

func (l *loops) run(name string, f func()) {
	l.mu.Lock()
	l.running = append(l.running, name)
	l.mu.Unlock()
	l.all.Go(func() {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.running = slices.DeleteFunc(l.running, func(other string) bool { return other == name })
		}()
		f()
	})
}

// wait waits for all to end, or for ctx to end, and returns those that then still
// run: nil if all have ended.
func (l *loops) wait(ctx context.Context) []string {
	ended := make(chan struct{})
	go func() { // ends with the last of them, or the process
		defer close(ended)
		l.all.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.running) == 0 {
		return nil
	}
	return slices.Clone(l.running)
}
