package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// notify starts catching the signals that stop the worker, and those that change
// its log. Of the first two are kept, so that the second is not lost where it comes
// right behind the first.
func notify() (signals, hangups <-chan os.Signal, stop func()) {
	caught, hups := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM, os.Interrupt)
	signal.Notify(hups, syscall.SIGHUP)
	return caught, hups, func() {
		signal.Stop(caught)
		signal.Stop(hups)
	}
}

// stopOnSignal returns a context that ends on the first signal, with a cause that
// names it; on the second it calls again. release gives all of it back and waits
// for the goroutine.
func stopOnSignal(parent context.Context, signals <-chan os.Signal, again func(os.Signal)) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case first := <-signals:
			cancel(fmt.Errorf("received %s", signalName(first)))
		case <-done:
			return
		}
		select {
		case second := <-signals:
			again(second)
		case <-done:
		}
	})
	return ctx, func() {
		close(done)
		watcher.Wait()
		cancel(nil)
	}
}

// outliveReaders lets the process go on if whatever reads its standard output or
// error goes away: a write fails from then on. Without it such a write ends the
// process, which is right for a command that is piped into head, and wrong for one
// that holds messages or has something to put right at its end.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// How long the last lines of the log may take: never much beyond the worker's own
// limit, whatever reads them.
const (
	lastLinesAtLeast = 100 * time.Millisecond
	lastLinesAtMost  = time.Second
)

// timeForLastLines returns a function that says how much of limit is left since ctx
// ended, within these bounds.
func timeForLastLines(ctx context.Context, limit time.Duration) func() time.Duration {
	var end atomic.Pointer[time.Time]
	context.AfterFunc(ctx, func() { end.CompareAndSwap(nil, new(time.Now().Add(limit))) })
	return func() time.Duration {
		left := lastLinesAtMost
		if at := end.Load(); at != nil {
			left = min(left, time.Until(*at))
		}
		return max(left, lastLinesAtLeast)
	}
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "SIGTERM"
	case os.Interrupt:
		return "SIGINT"
	}
	return s.String()
}
