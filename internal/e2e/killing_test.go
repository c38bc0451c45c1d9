package e2e

import (
	"context"
	"net/http"
	"sync"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/thingstate"
)

// mortal is a transport that a kill cuts off from the world: what its worker does
// from then on has no effect, as if the process were gone.
type mortal struct {
	http.RoundTripper
	killed chan struct{}
	once   sync.Once
}

func (m *mortal) RoundTrip(req *http.Request) (*http.Response, error) {
	if m.dead() {
		return nobody(req)
	}
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-m.killed:
			cancel() // the connection goes with its process
		case <-done:
		}
	}()
	resp, err := m.RoundTripper.RoundTrip(req.WithContext(ctx))
	if m.dead() {
		return nobody(req)
	}
	return resp, err
}

func nobody(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, context.Cause(req.Context())
}

func (m *mortal) dead() bool {
	select {
	case <-m.killed:
		return true
	default:
		return false
	}
}

// kill may be called many times.
func (m *mortal) kill() { m.once.Do(func() { close(m.killed) }) }

// mortalStore is a shared store as a killed worker sees it: it does not.
type mortalStore struct {
	thingstate.Store
	killed <-chan struct{}
}

func (s mortalStore) Acquire(ctx context.Context, thing string, lease time.Duration, intents []thingstate.Intent) (thingstate.Record, thingstate.Lease, error) {
	select {
	case <-s.killed:
		<-ctx.Done()
		return thingstate.Record{}, thingstate.Lease{}, context.Cause(ctx)
	default:
		return s.Store.Acquire(ctx, thing, lease, intents)
	}
}

func (s mortalStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	select {
	case <-s.killed:
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // as every store bounds itself
		defer cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	default:
		return s.Store.Finish(ctx, l, r)
	}
}

// startMortal starts a worker that can be killed.
func (r *rig) startMortal(change ...func(*app.Options)) (*worker, *mortal) {
	r.t.Helper()
	m := &mortal{RoundTripper: r.cloud.Transport(), killed: make(chan struct{})}
	return r.start(append(change, func(o *app.Options) {
		o.Transport = m
		if o.Store != nil {
			o.Store = mortalStore{o.Store, m.killed}
		}
	})...), m
}
