package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/retry"
)

var (
	errOp     = errors.New("the service is down")
	errReason = errors.New("the worker stops")
	policy    = retry.Policy{Base: time.Second, Max: 8 * time.Second}
)

func failing(runs *int, err error) func(context.Context) error {
	return func(context.Context) error { *runs++; return err }
}

func TestDoTriesUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		var waits time.Duration
		start := time.Now()
		err := retry.Do(t.Context(), policy, retry.Options{
			Rand:   retry.NewRand(1),
			Notify: func(_ error, wait time.Duration) { waits += wait },
		}, func(context.Context) error {
			if runs++; runs < 500 {
				return errOp
			}
			return nil
		})
		if err != nil || runs != 500 {
			t.Fatalf("%d runs, error %v", runs, err)
		}
		if since := time.Since(start); since != waits || since < 15*time.Minute {
			t.Errorf("it took %v, its waits %v", since, waits)
		}
	})
}

func TestDoGivesUpWithTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		err := retry.Do(t.Context(), policy, retry.Options{Attempts: 3}, func(context.Context) error {
			runs++
			return fmt.Errorf("run %d: %w", runs, errOp)
		})
		if runs != 3 || err == nil || err.Error() != "run 3: the service is down" || !errors.Is(err, errOp) {
			t.Fatalf("%d runs, error %v", runs, err)
		}
	})
}

func TestDoKeepsWhatWrapsAPermanentError(t *testing.T) {
	runs := 0
	err := retry.Do(t.Context(), policy, retry.Options{},
		failing(&runs, fmt.Errorf("outer: %w", retry.Permanent(fmt.Errorf("inner: %w", errOp)))))
	if runs != 1 || err == nil || err.Error() != "outer: inner: the service is down" || !errors.Is(err, errOp) {
		t.Fatalf("%d runs, error %v", runs, err)
	}
	if retry.Permanent(nil) != nil {
		t.Error("Permanent(nil) is an error")
	}
}

func TestDoDoesNotRunOnceTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errReason)
	runs := 0
	if err := retry.Do(ctx, policy, retry.Options{}, failing(&runs, nil)); err != errReason || runs != 0 {
		t.Fatalf("%d runs, error %v", runs, err)
	}
}

func TestDoKeepsLastErrorAndCauseWhenInterrupted(t *testing.T) {
	check := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, errOp) || !errors.Is(err, errReason) {
			t.Fatalf("error %v", err)
		}
		if want := "the service is down (not tried again: the worker stops)"; err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
	t.Run("in a wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			start, runs := time.Now(), 0
			var half time.Duration
			err := retry.Do(ctx, policy, retry.Options{Notify: func(_ error, wait time.Duration) {
				half = wait / 2
				time.AfterFunc(half, func() { cancel(errReason) })
			}}, failing(&runs, errOp))
			check(t, err)
			if runs != 1 || time.Since(start) != half {
				t.Errorf("%d runs in %v", runs, time.Since(start))
			}
		})
	})
	t.Run("while op runs", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := retry.Do(ctx, policy, retry.Options{}, func(context.Context) error { cancel(errReason); return errOp })
		check(t, err)
	})
	t.Run("as a wait ends", func(t *testing.T) {
		for range 100 { // with no wait, either of timer and context may be seen first
			ctx, cancel := context.WithCancelCause(t.Context())
			runs := 0
			err := retry.Do(ctx, retry.Policy{}, retry.Options{
				Notify: func(error, time.Duration) { cancel(errReason) },
			}, failing(&runs, errOp))
			check(t, err)
			if runs != 1 {
				t.Fatalf("%d runs", runs)
			}
		}
	})
}

func TestDoReturnsAnErrorThatIsTheCauseOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := retry.Do(ctx, policy, retry.Options{}, func(ctx context.Context) error {
		cancel(errReason)
		return fmt.Errorf("call: %w", context.Cause(ctx))
	})
	if err == nil || err.Error() != "call: the worker stops" {
		t.Fatalf("error %v", err)
	}
}

func TestDoTakesASuccessEvenWhenTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := retry.Do(ctx, policy, retry.Options{}, func(context.Context) error { cancel(errReason); return nil }); err != nil {
		t.Fatal(err)
	}
}
