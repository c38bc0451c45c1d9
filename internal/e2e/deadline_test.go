package e2e

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	workerstatus "managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// A stop has one deadline, WORKER_SHUTDOWN_TIMEOUT. Here each thing that a stop may
// wait for hangs, one at a time, and the worker ends in time all the same.

// stopsInTime stops the worker and returns what it ended with.
func (r *rig) stopsInTime(w *worker) error {
	r.t.Helper()
	w.cancel(errTestEnds)
	began, most := time.Now(), r.cfg.ShutdownTimeout
	select {
	case <-w.done:
	case <-time.After(10 * most):
		r.t.Fatalf("the worker still runs %v after its stop began, and may take %v", time.Since(began), most)
	}
	took := time.Since(began)
	if took > most {
		r.t.Errorf("the stop took %v, and may take %v", took, most)
	}
	r.t.Logf("the stop took %v: %v", took, w.err)
	w.addsUp()
	return w.err
}

func TestAStopEndsInTimeThoughTheStoreHangs(t *testing.T) {
	for _, callTimeout := range []time.Duration{10 * time.Second, 30 * time.Second} {
		l := layout{settings: func(c *config.Config) { c.CallTimeout = callTimeout }}
		subtest(t, callTimeout.String(), l, func(t *testing.T, r *rig) {
			r.callsFail("*", hangs())
			store := newFaultyStore()
			store.slowBy(3900 * time.Millisecond)
			w := r.start(on(store))
			r.sendNames("thing", 5)
			r.until("the turns have begun", time.Minute, func() bool { return w.Status().Messages.Held == 5 })
			store.hung.Store(true)
			if err := r.stopsInTime(w); !errors.Is(err, app.ErrStranded) {
				t.Errorf("stop: %v, want ErrStranded: the store does not know how the calls ended", err)
			}
			w.wantLastLine("stranded", 5)
			r.wantLeft(5)
			r.wantNothingInFlight()
		})
	}
}

// deafStore finishes nothing before hangs is closed, whatever its context says.
type deafStore struct {
	thingstate.Store
	hangs <-chan struct{}
}

func (s *deafStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	<-s.hangs
	return s.Store.Finish(context.WithoutCancel(ctx), l, r)
}

func TestAStopEndsInTimeThoughAStoreIgnoresItsContext(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		hangs := make(chan struct{})
		defer func() {
			close(hangs)
			synctest.Wait() // what was left behind ends
		}()
		w := r.start(func(o *app.Options) {
			o.Store = &deafStore{thingstate.NewMemory(thingstate.MemoryOptions{}), hangs}
		})
		r.sendNames("thing", 5)
		time.Sleep(time.Second)
		if err := r.stopsInTime(w); !errors.Is(err, app.ErrStranded) {
			t.Errorf("stop: %v, want ErrStranded", err)
		}
		w.wantLastLine("stranded", 5)
		w.wantLines(`["updater"]`, 1)
		r.wantLeft(5)
		r.wantNothingInFlight()
	})
}

// deafProvider delivers no span before its context ends.
type deafProvider struct{ noop.TracerProvider }

func (deafProvider) Shutdown(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestAStopEndsInTimeThoughEverythingHangs(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		hangs := make(chan struct{})
		defer func() {
			close(hangs)
			synctest.Wait()
		}()
		r.onCall("*", func(n int, _ string) *localcloud.Fault {
			if n <= 10 {
				return nil
			}
			return &localcloud.Fault{Hold: hangs}
		})
		w := r.start(func(o *app.Options) {
			o.Traces = telemetry.NewTraces(deafProvider{})
			o.OnStatus = func(workerstatus.Status) { <-hangs } // a terminal that was halted by a key
		})
		time.Sleep(time.Second) // it has started
		for _, action := range []string{"DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch", "GetQueueAttributes"} {
			r.sqsFails(action, &localcloud.Fault{Hold: hangs})
		}
		r.sendNames("thing", 30) // 10 to be deleted, 20 to be called
		for range 5 {
			r.send("unreadable") // letters to be stored
		}
		time.Sleep(10 * time.Second)
		r.sqsFails("ReceiveMessage", &localcloud.Fault{Hold: hangs})
		time.Sleep(20 * time.Second)
		if err := r.stopsInTime(w); !errors.Is(err, app.ErrStranded) {
			t.Errorf("stop: %v, want ErrStranded", err)
		}
		r.wantLeft(35)
	})
}

func TestAStopWhileStartingEndsInTimeThoughEverythingHangs(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		hangs := make(chan struct{})
		defer close(hangs)
		for _, action := range []string{"GetQueueAttributes", "ListDeadLetterSourceQueues", "ReceiveMessage"} {
			r.sqsFails(action, &localcloud.Fault{Hold: hangs})
		}
		w := r.start(func(o *app.Options) { o.Traces = telemetry.NewTraces(deafProvider{}) })
		time.Sleep(time.Second)
		if err := r.stopsInTime(w); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}
