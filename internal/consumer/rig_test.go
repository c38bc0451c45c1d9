package consumer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
)

// rig is a consumer at work on a queue in memory, within a synctest bubble.
type rig struct {
	*consumer.Consumer
	t       *testing.T
	q       *queue
	inbox   *inbox
	letters *letterQueue
	metrics *telemetry.Metrics
	logs    *observer.ObservedLogs

	stopReceiving, cutPolls, stopKeeping context.CancelFunc
	received, kept                       chan struct{} // closed when Receive, Keep has returned
}

// defaults are the settings' own.
func defaults() consumer.Options {
	return consumer.Options{
		QueueURL: "https://sqs.eu-west-1.amazonaws.com/000000000000/updates",
		Pollers:  4, WaitTime: 20 * time.Second, Visibility: 2 * time.Minute,
		MaxHeld: 5000, MaxHeldBytes: 64 << 20,
		Retry: retry.Policy{Base: 200 * time.Millisecond, Max: 20 * time.Second},
		Rand:  retry.NewRand(1),
	}
}

// run starts a consumer and ends it after the test's body: whatever is left is
// abandoned, and every message must have had one outcome or be held.
func run(t *testing.T, o consumer.Options, body func(r *rig), prepare ...func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, q: newQueue(t), inbox: newInbox(), letters: &letterQueue{}, metrics: telemetry.NewMetrics()}
		for _, p := range prepare {
			p(r)
		}
		core, logs := observer.New(zap.InfoLevel)
		r.logs = logs
		r.Consumer = consumer.New(r.q, r.letters, r.inbox, r.metrics, zap.New(core), o)
		r.begin()
		defer r.finish()
		synctest.Wait()
		body(r)
	})
}

func (r *rig) begin() {
	receiving, stopReceiving := context.WithCancel(r.t.Context())
	cut, cutPolls := context.WithCancel(r.t.Context())
	keeping, stopKeeping := context.WithCancel(r.t.Context())
	r.stopReceiving, r.cutPolls, r.stopKeeping = stopReceiving, cutPolls, stopKeeping
	r.received, r.kept = make(chan struct{}), make(chan struct{})
	go func() { defer close(r.received); r.Receive(receiving, cut) }()
	go func() { defer close(r.kept); r.Keep(keeping) }()
}

func (r *rig) finish() {
	r.stopReceiving()
	r.cutPolls()
	<-r.received
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.Abandon(ctx)
	r.stopKeeping()
	<-r.kept
	r.checkCounts()
}

// checkCounts checks that each message received has one outcome or is held.
func (r *rig) checkCounts() {
	r.t.Helper()
	s := r.Stats()
	sum := 0
	for o, n := range s.Outcomes {
		sum += n
		if m := r.metrics.Settled.Of(o).Count(); m != n {
			r.t.Errorf("%s: %d by Stats, %d by the metric", o, n, m)
		}
	}
	if s.Received != sum+s.Held || s.Held < 0 || s.HeldBytes < 0 || s.Settling < 0 {
		r.t.Errorf("received %d, outcomes %v, held %d, settling %d, bytes %d: they do not add up", s.Received, s.Outcomes, s.Held, s.Settling, s.HeldBytes)
	}
	if m := r.metrics.Received.Count(); m != s.Received {
		r.t.Errorf("received %d by Stats, %d by the metric", s.Received, m)
	}
}

func (r *rig) settle(o message.Outcome, ids ...string) {
	for _, id := range ids {
		r.inbox.last(id).Settle(o)
	}
}

// flush settles all that was decided, within a minute.
func (r *rig) flush() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		r.t.Errorf("Flush: %v", err)
	}
}

func (r *rig) wantOutcomes(want map[message.Outcome]int) {
	r.t.Helper()
	for o, n := range r.Stats().Outcomes {
		if n != want[o] {
			r.t.Errorf("%s: %d, want %d", o, n, want[o])
		}
	}
}

func (r *rig) wantLeft(ids ...string) {
	r.t.Helper()
	if left := r.q.left(); !slices.Equal(left, ids) {
		r.t.Errorf("in the queue: %v, want %v", left, ids)
	}
}

func (r *rig) wantVisible(ids ...string) {
	r.t.Helper()
	if visible := r.q.visible(); !slices.Equal(visible, ids) {
		r.t.Errorf("visible in the queue: %v, want %v", visible, ids)
	}
}

// pass lets time pass and everything due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// inbox is a handler that keeps what it is given.
type inbox struct {
	// on, if set, is called with each delivery.
	on func(d *consumer.Delivery)

	mu        sync.Mutex
	delivered map[string][]*consumer.Delivery
	lost      map[*consumer.Delivery]int
	order     []*consumer.Delivery
}

func newInbox() *inbox {
	return &inbox{delivered: map[string][]*consumer.Delivery{}, lost: map[*consumer.Delivery]int{}}
}

func (i *inbox) Deliver(ds []*consumer.Delivery) {
	for _, d := range ds {
		i.deliver(d)
	}
}

func (i *inbox) deliver(d *consumer.Delivery) {
	i.mu.Lock()
	id := d.Message().ID
	i.delivered[id] = append(i.delivered[id], d)
	i.order = append(i.order, d)
	i.mu.Unlock()
	if i.on != nil {
		i.on(d)
	}
}

func (i *inbox) Lost(d *consumer.Delivery) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lost[d]++
}

func (i *inbox) deliveries(id string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.delivered[id])
}

func (i *inbox) all() []*consumer.Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.order)
}

func (i *inbox) last(id string) *consumer.Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	ds := i.delivered[id]
	return ds[len(ds)-1]
}

func (i *inbox) losses(id string) (n int) {
	d := i.last(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lost[d]
}

// letterQueue keeps letters; fault may refuse one.
type letterQueue struct {
	fault func(l deadletter.Letter) error
	delay time.Duration

	mu     sync.Mutex
	stored []deadletter.Letter
}

func (q *letterQueue) Send(ctx context.Context, letters []deadletter.Letter) []error {
	errs := make([]error, len(letters))
	select {
	case <-time.After(q.delay):
	case <-ctx.Done():
		for i := range errs {
			errs[i] = ctx.Err()
		}
		return errs
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, l := range letters {
		if q.fault != nil {
			errs[i] = q.fault(l)
		}
		if errs[i] == nil {
			q.stored = append(q.stored, l)
		}
	}
	return errs
}

func (q *letterQueue) ids() (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.stored {
		ids = append(ids, l.Message.ID)
	}
	return ids
}

// unstored has the letters of these messages fail.
func unstored(these func(id string) bool) func(deadletter.Letter) error {
	return func(l deadletter.Letter) error {
		if these(l.Message.ID) {
			return errNoLetters
		}
		return nil
	}
}

var errNoLetters = errors.New("the dead-letter queue is away")
