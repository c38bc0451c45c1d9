package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/retry"
)

const (
	quotaLatency = 30 * time.Millisecond // of an API call, give or take a tenth
	sqsLatency   = 10 * time.Millisecond // of a request to SQS
)

// quotaRun is one run of a course, in a bubble of its own.
type quotaRun struct {
	*rig
	variant variant
	seed    uint64
	rng     *rand.Rand // of the course; the workers and the cloud have their own
	wires   []*wire    // of the workers
}

// newQuotaRun makes a run's cloud, with the worker's defaults.
func newQuotaRun(t testing.TB, v variant, seed uint64, quota float64) *quotaRun {
	l := layout{settings: func(c *config.Config) { c.RateStart = config.Default().RateStart }}
	l.cloud.Seed, l.cloud.Quota, l.cloud.Latency = seed, quota, quotaLatency/2
	if v.name == adaptive.name {
		l.settings = func(c *config.Config) {
			c.RateStart = config.Default().RateStart
			c.CallTimeout = 5 * time.Minute // with the SDK's waits; each try has the usual time
		}
	}
	q := &quotaRun{rig: newRig(t, l), variant: v, seed: seed, rng: rand.New(rand.NewPCG(seed, 7))}
	way := seeded(seed)
	q.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault {
		return &localcloud.Fault{Delay: time.Duration((0.4 + 0.2*way.Float64()) * float64(quotaLatency))}
	}
	q.cloud.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault { return &localcloud.Fault{Delay: sqsLatency} }
	return q
}

// seeded is randomness of the cloud's, for many goroutines.
func seeded(seed uint64) *rand.Rand { return retry.NewRand(seed + 1000) }

// client is the worker's client of the API.
func (q *quotaRun) client(way http.RoundTripper) *managedthings.Client {
	c, err := managedthings.New(*q.aws(), managedthings.Options{HTTP: awshttp.New(awshttp.Options{Transport: way})})
	if err != nil {
		q.t.Fatal(err)
	}
	return c
}

// replicas starts n workers of the run's variant, each with a store of its own.
func (q *quotaRun) replicas(n int) {
	for i := range n {
		w := &wire{to: q.cloud.Transport()}
		q.wires = append(q.wires, w)
		q.start(func(o *app.Options) {
			o.Transport = w
			o.Name, o.Log = fmt.Sprintf("worker-%d", i+1), zap.NewNop()
			o.Rand = retry.NewRand(q.seed*100 + uint64(i))
			q.variant.change(q, o)
		})
	}
}

// stopAll stops the workers and checks that their sums add up.
func (q *quotaRun) stopAll() {
	for _, w := range q.workers {
		if err := w.stop(); err != nil && q.variant.name == ourOwn.name {
			q.t.Errorf("the worker ended with: %v", err)
		}
		w.addsUp()
	}
}

// wait waits until the API has applied n calls, at most so long.
func (q *quotaRun) wait(n int, atMost time.Duration) {
	for end := time.Now().Add(atMost); q.cloud.Things.Counts()["204"] < n && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
}

// settled waits until the queue is empty, at most so long, and stops the workers.
func (q *quotaRun) settled(atMost time.Duration) {
	for end := time.Now().Add(atMost); q.cloud.SQS.Len(q.queue) > 0 && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	q.stopAll()
}

// feed sends messages for things of their own, until stop is called. sent says when
// each was sent, by thing, and is to be read after that.
func (q *quotaRun) feed(every time.Duration) (sent map[string]time.Time, stop func()) {
	ctx, cancel := context.WithCancel(q.t.Context())
	var sender sync.WaitGroup
	sent = make(map[string]time.Time)
	sender.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			thing := fmt.Sprint("fed-", n)
			sent[thing] = time.Now()
			q.send(name(thing, "x"))
		}
	})
	return sent, func() {
		cancel()
		sender.Wait()
	}
}
