package e2e

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/thingstate"
)

// faultyStore is a store in memory that a test can slow down, take away, and have hang.
// All of it may change while workers use it.
type faultyStore struct {
	thingstate.Store
	slow atomic.Int64 // nanoseconds by which the answer to each Acquire is late
	lost atomic.Bool  // a Finish is written, and its answer is lost
	hung atomic.Bool  // no Finish is answered

	mu     sync.Mutex // guards what follows
	down   bool       // nothing is done
	leases int        // held now
}

var (
	errDown       = errors.New("dial tcp 10.0.0.9:6379: connect: connection refused")
	errAnswerLost = errors.New("the answer was lost")
)

func newFaultyStore() *faultyStore {
	return &faultyStore{Store: thingstate.NewMemory(thingstate.MemoryOptions{})}
}

// on has a worker use the store.
func on(store thingstate.Store) func(*app.Options) {
	return func(o *app.Options) { o.Store = store }
}

// setDown takes the store away, or brings it back.
func (s *faultyStore) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// goesDown takes the store away unless a lease is held, and reports whether it did.
func (s *faultyStore) goesDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = s.leases == 0
	return s.down
}

func (s *faultyStore) slowBy(d time.Duration) { s.slow.Store(int64(d)) }

func (s *faultyStore) Acquire(ctx context.Context, thing string, lease time.Duration, intents []thingstate.Intent) (thingstate.Record, thingstate.Lease, error) {
	defer func() { time.Sleep(time.Duration(s.slow.Load())) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return thingstate.Record{}, thingstate.Lease{}, errDown
	}
	r, l, err := s.Store.Acquire(ctx, thing, lease, intents)
	if err == nil {
		s.leases++
	}
	return r, l, err
}

func (s *faultyStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	if s.hung.Load() {
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second) // as Shared bounds each operation
		defer cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errDown
	}
	s.leases--
	err := s.Store.Finish(ctx, l, r)
	if s.lost.Load() {
		return errAnswerLost
	}
	return err
}
