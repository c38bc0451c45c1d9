package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
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
	others  string     // prefix of the things that another program updates
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
	q := &quotaRun{rig: newRig(t, l), variant: v, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), others: "other-"}
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
func (q *quotaRun) client() *managedthings.Client {
	http := awshttp.New(awshttp.Options{Transport: q.cloud.Transport()})
	c, err := managedthings.New(*q.aws(), managedthings.Options{HTTP: http})
	if err != nil {
		q.t.Fatal(err)
	}
	return c
}

// replicas starts n workers of the run's variant, each with a store of its own.
func (q *quotaRun) replicas(n int) {
	for i := range n {
		q.start(func(o *app.Options) {
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
	for end := time.Now().Add(atMost); len(q.cloud.SQS.Messages(q.queue)) > 0 && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	q.stopAll()
}

// tally is what the API saw of the workers.
type tally struct {
	calls []localcloud.Call // in the order of arrival
	start time.Time         // of the first
}

func (q *quotaRun) tally() tally {
	var out tally
	for _, c := range q.calls("") {
		if len(c.Thing) < len(q.others) || c.Thing[:len(q.others)] != q.others {
			out.calls = append(out.calls, c)
		}
	}
	out.start = out.calls[0].At
	return out
}

// last is when the last call was applied, since the first one's start.
func (y tally) last() time.Duration {
	var last time.Duration
	for _, c := range y.calls {
		if c.Applied {
			last = max(last, c.AppliedAt.Sub(y.start))
		}
	}
	return last
}

// applied is how many calls were applied between two moments since the first
// call's start.
func (y tally) applied(from, to time.Duration) float64 {
	n := 0
	for _, c := range y.calls {
		if at := c.AppliedAt.Sub(y.start); c.Applied && at >= from && at <= to {
			n++
		}
	}
	return float64(n)
}

// throttled is the throttled share of the calls that started from a moment on.
func (y tally) throttled(from time.Duration) float64 {
	all, throttled := 0, 0
	for _, c := range y.calls {
		if c.At.Sub(y.start) < from {
			continue
		}
		all++
		if c.Status == http.StatusTooManyRequests {
			throttled++
		}
	}
	return float64(throttled) / float64(max(1, all))
}

// granted is how many calls the API would have let through in a time: the quota's
// and one burst, a second's quota; or what the concurrency allows.
func (q *quotaRun) granted(quota float64, t time.Duration) float64 {
	return min(quota*t.Seconds()+quota, float64(q.cfg.Concurrency)/quotaLatency.Seconds()*t.Seconds())
}

// utilisation is applied over granted, from the first call's token to the last
// call applied.
func (q *quotaRun) utilisation(y tally, quota float64) float64 {
	last := y.last()
	return y.applied(0, last) / q.granted(quota, last)
}

// receives is how often a message was received, on average.
func (q *quotaRun) receives(messages int) float64 {
	n := 0
	for _, w := range q.workers {
		s := w.Status().Messages
		n += s.Received + s.ReceivedAgain
	}
	return float64(n) / float64(messages)
}
