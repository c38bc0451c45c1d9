package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/thingstate"
)

// inBubble runs a test on a rig in virtual time, beside other tests.
func inBubble(t *testing.T, l layout, test func(t *testing.T, r *rig)) {
	t.Helper()
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t, l)) })
}

// subtest is inBubble for one case of several.
func subtest(t *testing.T, name string, l layout, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inBubble(t, l, test) })
}

// sendNames sends n messages, each for a thing of its own: PREFIX-0, PREFIX-1, …
func (r *rig) sendNames(prefix string, n int) {
	for i := range n {
		r.send(name(fmt.Sprintf("%s-%d", prefix, i), "new"))
	}
}

// applied is how often a thing's calls were applied.
func (r *rig) applied(thing string) int {
	n := 0
	for _, c := range r.calls(thing) {
		if c.Applied {
			n++
		}
	}
	return n
}

// wantAppliedOnce checks the things of sendNames.
func (r *rig) wantAppliedOnce(prefix string, n int) {
	r.t.Helper()
	for i := range n {
		thing := fmt.Sprintf("%s-%d", prefix, i)
		r.wantMember(thing, "Name", `"new"`)
		if got := len(r.calls(thing)); got != 1 {
			r.t.Errorf("%d calls for %s, want 1", got, thing)
		}
	}
}

// wantReceivedOnce checks that every message was received once: a lease that ends
// too soon shows as a second receive.
func (r *rig) wantReceivedOnce(messages int) {
	r.t.Helper()
	if receives, _ := r.cloud.SQS.Receives(r.queue); receives != messages {
		r.t.Errorf("%d receives of %d messages", receives, messages)
	}
}

// wantNothingInFlight checks that all that is left in the source queue is visible.
func (r *rig) wantNothingInFlight() {
	r.t.Helper()
	for _, m := range r.cloud.SQS.Messages(r.queue) {
		if m.InFlight {
			r.t.Errorf("left in flight: %s %.80s", m.ID, m.Body)
		}
	}
}

// wantLeft checks how many messages are left in the source queue.
func (r *rig) wantLeft(n int) {
	r.t.Helper()
	if got := r.cloud.SQS.Len(r.queue); got != n {
		r.t.Errorf("%d messages left in the queue, want %d", got, n)
	}
}

func (r *rig) requests(action string) int { return r.cloud.SQS.Requests()[action] }

// allRequests is the number of requests of any kind, to either service.
func (r *rig) allRequests() int {
	n := len(r.calls(""))
	for _, of := range r.cloud.SQS.Requests() {
		n += of
	}
	return n
}

// wantQuiet checks that there was nothing to warn of.
func (w *worker) wantQuiet() {
	w.t.Helper()
	for _, e := range w.logs.All() {
		if e.Level >= zapcore.WarnLevel {
			w.t.Errorf("%s: %s %v", e.Level, e.Message, e.ContextMap())
		}
	}
}

// wantLines checks how many log lines hold the text.
func (w *worker) wantLines(text string, n int) {
	w.t.Helper()
	got := 0
	for line := range strings.Lines(w.lines()) {
		if strings.Contains(line, text) {
			got++
		}
	}
	if got != n {
		w.t.Errorf("%d log lines with %q, want %d:\n%s", got, text, n, w.lines())
	}
}

// wantLastLine checks a number in the last log line, "stopped".
func (w *worker) wantLastLine(field string, want int64) {
	w.t.Helper()
	all := w.logs.All()
	last := all[len(all)-1]
	if got := last.ContextMap()[field]; last.Message != "stopped" || got != want {
		w.t.Errorf("the last line is %q with %s=%v, want \"stopped\" with %d", last.Message, field, got, want)
	}
}

// mortal is a transport that a kill cuts off from the world: what its worker does
// from then on, nobody sees, as if the process were gone.
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
