package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
)

func TestRunHandsOverTheSettings(t *testing.T) {
	f := newFixture(queueVar, "WORKER_POLLERS=2", "WORKER_POLERS=3")
	f.runApp = func(_ context.Context, c config.Config, o app.Options) error {
		if c.Pollers != 2 || c.MaxHeld != 77 || o.Version == "" {
			t.Errorf("pollers %d, held %d, version %q", c.Pollers, c.MaxHeld, o.Version)
		}
		o.Log.Info("it runs")
		return nil
	}
	if code := f.run(t, "run", "--max-held", "77"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(f.err.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"level":"warn"`) || !strings.Contains(lines[0], "WORKER_POLERS") || !strings.Contains(lines[1], `"msg":"it runs"`) {
		t.Errorf("log:\n%s", f.err.String())
	}
}

func TestRunThatFails(t *testing.T) {
	f := newFixture(queueVar)
	f.runApp = func(context.Context, config.Config, app.Options) error { return errors.New("no queue") }
	if code := f.run(t, "run"); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if text := f.err.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"error":"no queue"`) {
		t.Errorf("said: %s", text)
	}
}

func TestRunThatStrandsMessagesAddsNothingToItsSums(t *testing.T) {
	f := newFixture(queueVar)
	f.runApp = func(_ context.Context, _ config.Config, o app.Options) error {
		o.Log.Warn("stopped", zap.Int("stranded", 3))
		return app.ErrStranded
	}
	if code := f.run(t, "run"); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if text := f.err.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"stranded":3`) {
		t.Errorf("said: %s", text)
	}
}

func TestRunThatCannotStart(t *testing.T) {
	f := newFixture(queueVar)
	f.runApp = func(context.Context, config.Config, app.Options) error {
		return &app.SetupError{Fault: errors.New("there is no dead-letter queue"), Fix: "set WORKER_DLQ_URL"}
	}
	if code := f.run(t, "run"); code != 2 || f.err.String() != "worker: there is no dead-letter queue; set WORKER_DLQ_URL\n" {
		t.Errorf("%d: %s", code, f.err.String())
	}
}

func TestFirstSignalDrainsSecondStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(queueVar)
		signals := make(chan os.Signal, 2)
		f.signals = signals
		f.runApp = func(ctx context.Context, _ config.Config, _ app.Options) error {
			synctest.Wait()
			if ctx.Err() != nil {
				t.Error("stopped before a signal came")
			}
			signals <- syscall.SIGTERM
			<-ctx.Done()
			if cause := context.Cause(ctx); cause.Error() != "received SIGTERM" {
				t.Errorf("cause: %v", cause)
			}
			synctest.Wait()
			if len(f.exited()) > 0 {
				t.Error("the first signal ended the process")
			}
			signals <- os.Interrupt
			synctest.Wait()
			return nil
		}
		f.execute(t.Context(), []string{"run"})
		if len(f.exited()) != 1 || f.exited()[0] != 1 || !strings.Contains(f.err.String(), "SIGINT came while stopping") {
			t.Errorf("exits %v, log: %s", f.exited(), f.err.String())
		}
	})
}

// Every wait of a stop ends by itself. This is for what was overlooked.
func TestAStopThatDoesNotEndIsEndedAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(queueVar, "WORKER_SHUTDOWN_TIMEOUT=40s")
		signals := make(chan os.Signal, 2)
		f.signals = signals
		f.runApp = func(ctx context.Context, _ config.Config, _ app.Options) error {
			time.Sleep(time.Hour)
			if len(f.exited()) > 0 {
				t.Error("ended without a signal")
			}
			signals <- syscall.SIGTERM
			time.Sleep(39 * time.Second)
			if len(f.exited()) > 0 {
				t.Error("ended before the deadline")
			}
			time.Sleep(2 * time.Second)
			return ctx.Err()
		}
		f.execute(t.Context(), []string{"run"})
		if len(f.exited()) != 1 || f.exited()[0] != 1 || !strings.Contains(f.err.String(), "WORKER_SHUTDOWN_TIMEOUT is over") {
			t.Errorf("exits %v, log: %s", f.exited(), f.err.String())
		}
		time.Sleep(time.Hour)
		if len(f.exited()) != 1 {
			t.Errorf("exits %v after the end", f.exited())
		}
	})
}
