package grace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/grace"
)

var (
	errStop = errors.New("the worker stops")
	errOver = errors.New("the time is over")
)

func TestItEndsSoLongAfterTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		stopped := grace.Of(ctx)
		first, end := stopped.Until(3*time.Second, errOver)
		defer end()
		time.Sleep(time.Hour)
		stop(errStop)
		began := time.Now()
		<-first.Done()
		if took := time.Since(began); took != 3*time.Second || !errors.Is(context.Cause(first), errOver) {
			t.Errorf("it ended after %v: %v", took, context.Cause(first))
		}
		// Work that begins late has what is left of its time, or nothing.
		for _, d := range []time.Duration{5 * time.Second, 4 * time.Second, 0} {
			next, end := stopped.Until(d, errOver)
			<-next.Done()
			if took := time.Since(began); took != 5*time.Second {
				t.Errorf("until %v: it ended after %v", d, took)
			}
			end()
		}
	})
}

func TestItEndsAtOnceWhenTheWorkIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stopped := range []bool{false, true} {
			ctx, stop := context.WithCancelCause(t.Context())
			after, end := grace.Of(ctx).Until(time.Hour, errOver)
			if stopped {
				stop(errStop)
				synctest.Wait()
			}
			if after.Err() != nil {
				t.Error("it ended with the stop")
			}
			end()
			end()
			if after.Err() == nil {
				t.Error("it goes on after its end")
			}
			stop(nil) // nothing is left behind, or the bubble would not end
		}
	})
}

func TestAStopThatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		stop(errStop)
		after, end := grace.Of(ctx).Until(time.Second, errOver)
		defer end()
		began := time.Now()
		<-after.Done()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it ended after %v", took)
		}
	})
}
