package status

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// MeteredStore measures the operations of a store, for the metrics and /status.
type MeteredStore struct {
	store           thingstate.Store
	acquire, finish *meter

	mu        sync.Mutex // guards all below, and count and last of the meters
	failing   time.Time  // since when operations fail; zero: they do not
	lastError string     // of those
}

// meter has the measurements of one operation.
type meter struct {
	seconds prometheus.Observer
	results map[string]*telemetry.Counter
	count   int
	last    [1000]time.Duration // how long each took: a ring, of which count % len is next
}

// NewMeteredStore meters s.
func NewMeteredStore(s thingstate.Store, m *telemetry.Metrics) *MeteredStore {
	of := func(operation string) *meter {
		results := make(map[string]*telemetry.Counter)
		for _, result := range telemetry.StateResults[operation] {
			results[result] = m.StateOperations.With(operation, result)
		}
		return &meter{seconds: m.StateSeconds.WithLabelValues(operation), results: results}
	}
	return &MeteredStore{store: s, acquire: of(telemetry.StateAcquire), finish: of(telemetry.StateFinish)}
}

// Acquire implements thingstate.Store.
func (s *MeteredStore) Acquire(ctx context.Context, thing string, lease time.Duration, intents []thingstate.Intent) (thingstate.Record, thingstate.Lease, error) {
	began := time.Now()
	r, l, err := s.store.Acquire(ctx, thing, lease, intents)
	result := telemetry.StateOK
	if _, held := errors.AsType[*thingstate.HeldError](err); held {
		result = telemetry.StateHeld
	} else if err != nil {
		result = telemetry.StateError
	}
	s.note(s.acquire, result, time.Since(began), err)
	return r, l, err
}

// Finish implements thingstate.Store.
func (s *MeteredStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	began := time.Now()
	err := s.store.Finish(ctx, l, r)
	result := telemetry.StateOK
	if errors.Is(err, thingstate.ErrLeaseLost) {
		result = telemetry.StateLost
	} else if err != nil {
		result = telemetry.StateError
	}
	s.note(s.finish, result, time.Since(began), err)
	return err
}

func (s *MeteredStore) note(of *meter, result string, took time.Duration, err error) {
	of.seconds.Observe(took.Seconds())
	of.results[result].Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	of.last[of.count%len(of.last)] = took
	of.count++
	if result != telemetry.StateError {
		s.failing, s.lastError = time.Time{}, ""
		return
	}
	if s.failing.IsZero() {
		s.failing = time.Now()
	}
	s.lastError = err.Error()
}

func (s *MeteredStore) addTo(status *StoreStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Acquire, status.Finish = s.acquire.status(), s.finish.status()
	if !s.failing.IsZero() {
		status.FailingSince, status.Error = new(s.failing), s.lastError
	}
}

func (m *meter) status() OperationStatus {
	s := OperationStatus{Count: m.count, Errors: m.results[telemetry.StateError].Count()}
	n := min(m.count, len(m.last))
	if n == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(m.last[:n]))
	s.P50, s.P99, s.Max = sorted[n/2].Seconds(), sorted[n*99/100].Seconds(), sorted[n-1].Seconds()
	return s
}
