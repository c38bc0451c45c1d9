package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// meteredStore is a store of which metrics and /status say how it does.
type meteredStore struct {
	store   thingstate.Store
	metrics *telemetry.Metrics

	mu              sync.Mutex // guards all below
	acquire, finish latencies
	failing         time.Time // since when operations fail; zero: they do not
	lastError       string    // of those
}

func newMeteredStore(s thingstate.Store, m *telemetry.Metrics) *meteredStore {
	return &meteredStore{store: s, metrics: m}
}

// Acquire implements thingstate.Store.
func (s *meteredStore) Acquire(ctx context.Context, thing string, lease time.Duration, intents []thingstate.Intent) (thingstate.Record, thingstate.Lease, error) {
	began := time.Now()
	r, l, err := s.store.Acquire(ctx, thing, lease, intents)
	result := telemetry.StateOK
	if _, held := errors.AsType[*thingstate.HeldError](err); held {
		result = telemetry.StateHeld
	} else if err != nil {
		result = telemetry.StateError
	}
	s.note(&s.acquire, telemetry.StateAcquire, result, began, err)
	return r, l, err
}

// Finish implements thingstate.Store.
func (s *meteredStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	began := time.Now()
	err := s.store.Finish(ctx, l, r)
	result := telemetry.StateOK
	if errors.Is(err, thingstate.ErrLeaseLost) {
		result = telemetry.StateLost
	} else if err != nil {
		result = telemetry.StateError
	}
	s.note(&s.finish, telemetry.StateFinish, result, began, err)
	return err
}

func (s *meteredStore) note(of *latencies, operation, result string, began time.Time, err error) {
	ended := time.Now()
	took := ended.Sub(began)
	s.metrics.StateSeconds.WithLabelValues(operation).Observe(took.Seconds())
	s.metrics.StateOperations.WithLabelValues(operation, result).Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	of.add(took)
	if result != telemetry.StateError {
		s.failing, s.lastError = time.Time{}, ""
		return
	}
	of.errors++
	if s.failing.IsZero() {
		s.failing = ended
	}
	s.lastError = err.Error()
}

func (s *meteredStore) addTo(status *StoreStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Acquire, status.Finish = s.acquire.status(), s.finish.status()
	if !s.failing.IsZero() {
		status.FailingSince, status.Error = new(s.failing), s.lastError
	}
}

// latencies are those of one operation. The zero value is ready for use.
type latencies struct {
	count, errors int
	last          [1000]time.Duration // a ring, of which count % len is next
}

func (l *latencies) add(d time.Duration) {
	l.last[l.count%len(l.last)] = d
	l.count++
}

func (l *latencies) status() OperationStatus {
	s := OperationStatus{Count: l.count, Errors: l.errors}
	n := min(l.count, len(l.last))
	if n == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(l.last[:n]))
	s.P50, s.P99, s.Max = sorted[n/2].Seconds(), sorted[n*99/100].Seconds(), sorted[n-1].Seconds()
	return s
}
