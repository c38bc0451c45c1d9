package updater

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneContextBoundsManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work, stop := context.WithCancelCause(t.Context())
		calls := limit{of: work}
		defer calls.close()

		first := calls.start(10*time.Second, errCallTimeout)
		time.Sleep(9 * time.Second)
		calls.stop()
		second := calls.start(10*time.Second, errCallTimeout)
		time.Sleep(9 * time.Second)
		if second != first || second.Err() != nil {
			t.Fatalf("the second call's context ended after 9 s of its 10: %v", context.Cause(second))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if err := context.Cause(second); !errors.Is(err, errCallTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after 10 s the call's context has the cause %v", err)
		}
		calls.stop()

		probe := calls.start(time.Second, errProbeTimeout)
		if probe.Err() != nil {
			t.Fatal("the call after one that ran out of time has none")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if err := context.Cause(probe); !errors.Is(err, errProbeTimeout) {
			t.Fatalf("a probe ended with the cause %v", err)
		}
		calls.stop()

		last := calls.start(time.Second, errCallTimeout)
		why := errors.New("the worker stops")
		stop(why)
		if err := context.Cause(last); err != why {
			t.Fatalf("a call that the worker cut ended with the cause %v", err)
		}
		calls.stop()
		if calls.start(time.Second, errCallTimeout).Err() == nil {
			t.Fatal("a call began after the worker had stopped")
		}
		calls.stop()
	})
}

func TestACallThatEndsAsItsTimeRunsOutLeavesTheNextOneItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := limit{of: t.Context()}
		defer calls.close()
		for range 100 {
			ctx := calls.start(time.Second, errCallTimeout)
			if ctx.Err() != nil {
				t.Fatalf("a call began with the last one's end: %v", context.Cause(ctx))
			}
			time.Sleep(time.Second) // the timer fires beside what follows
			calls.stop()
		}
	})
}
