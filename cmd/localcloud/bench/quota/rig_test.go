package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.uber.org/zap"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
)

const (
	latency    = 30 * time.Millisecond // of an API call, give or take a tenth
	sqsLatency = 10 * time.Millisecond // of a request to SQS
)

// run is one run of a course, in a bubble of its own.
type run struct {
	t       testing.TB
	cloud   *localcloud.Cloud
	queue   string // URL
	dlq     string // URL
	cfg     config.Config
	variant variant
	seed    uint64
	rng     *rand.Rand // of the course; the workers and the cloud have their own
	workers []*worker
}

// newRun makes a run's cloud, with the worker's defaults.
func newRun(t testing.TB, v variant, seed uint64, quota float64) *run {
	cloud := localcloud.New(localcloud.Options{
		Seed: seed, Quota: quota, Latency: latency / 2,
		AccessKey: "AKIDLOCAL", SecretKey: "local-secret", BaseURL: "http://127.0.0.1:4566",
	})
	r := &run{t: t, cloud: cloud, cfg: config.Default(), variant: v, seed: seed, rng: rand.New(rand.NewPCG(seed, 7))}
	r.dlq = cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{Retention: 14 * 24 * time.Hour})
	r.queue = cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: r.dlq})
	r.cfg.QueueURL, r.cfg.AdminAddr = r.queue, ""
	if v.name == adaptive.name {
		r.cfg.CallTimeout = 5 * time.Minute // with the SDK's waits; each try has the usual time
	}
	way := seeded(seed)
	cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault {
		return &localcloud.Fault{Delay: time.Duration((0.4 + 0.2*way.Float64()) * float64(latency))}
	}
	cloud.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault { return &localcloud.Fault{Delay: sqsLatency} }
	return r
}

// seeded is randomness of the cloud's, for many goroutines.
func seeded(seed uint64) *rand.Rand { return retry.NewRand(seed + 1000) }

// fail gives each call that is chosen the fault, on top of its usual delay.
func (r *run) fail(fault localcloud.Fault, chosen func(localcloud.CallInfo) bool) {
	usual := r.cloud.Faults.OnCall
	r.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		f := usual(c)
		if chosen(c) {
			delay := f.Delay
			*f = fault
			f.Delay += delay
		}
		return f
	}
}

func (r *run) aws() *aws.Config {
	return &aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDLOCAL", "local-secret", ""),
	}
}

// client is the worker's client of the API.
func (r *run) client(way http.RoundTripper) *managedthings.Client {
	c, err := managedthings.New(*r.aws(), managedthings.Options{HTTP: awshttp.New(awshttp.Options{Transport: way})})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// worker is a replica, and the way of its requests to the cloud. It remembers the calls
// that the API answered 204: the cloud's own record does not tell workers apart.
type worker struct {
	*app.Worker
	to     http.RoundTripper
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // read after done

	ok moments
}

func (w *worker) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.to.RoundTrip(r)
	if err == nil && r.Method == http.MethodPut && resp.StatusCode == http.StatusNoContent {
		w.ok.mark()
	}
	return resp, err
}

var errStop = errors.New("the course ends")

// replicas starts n workers of the run's variant, each with a store of its own.
func (r *run) replicas(n int) {
	for i := range n {
		w := &worker{to: r.cloud.Transport(), done: make(chan struct{})}
		o := app.Options{
			Log: zap.NewNop(), Version: "test", Name: fmt.Sprintf("worker-%d", i+1), AWS: r.aws(), Transport: w,
			Rand: retry.NewRand(r.seed*100 + uint64(i)),
		}
		r.variant.change(r, &o)
		w.Worker = app.New(r.cfg, o)
		var ctx context.Context
		ctx, w.cancel = context.WithCancelCause(context.Background())
		go func() {
			defer close(w.done)
			w.err = w.Run(ctx)
		}()
		r.workers = append(r.workers, w)
	}
	r.t.Cleanup(r.stopAll) // a course that failed half-way
}

// stopAll stops the workers and checks that each message received has one outcome.
func (r *run) stopAll() {
	for _, w := range r.workers {
		w.cancel(errStop)
		<-w.done
		if w.err != nil && r.variant.name == ourOwn.name {
			r.t.Errorf("the worker ended with: %v", w.err)
		}
		s := w.Status().Messages
		sum := s.Held
		for _, n := range s.Outcomes {
			sum += n
		}
		if sum != s.Received {
			r.t.Errorf("%d messages received, but outcomes and held come to %d", s.Received, sum)
		}
	}
}

// wait waits until something is true, at most so long.
func wait(atMost time.Duration, done func() bool) {
	for end := time.Now().Add(atMost); !done() && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
}

// settled waits until the queue is empty, at most so long, and stops the workers.
func (r *run) settled(atMost time.Duration) {
	wait(atMost, func() bool { return r.cloud.SQS.Len(r.queue) == 0 })
	r.stopAll()
}

// name is a message body that renames a thing.
func name(thing, to string) string { return fmt.Sprintf(`{"Identifier":%q,"Name":%q}`, thing, to) }

func (r *run) send(thing, to string) {
	r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(thing, to)})
}

// sendThings sends n messages, each for a thing of its own.
func (r *run) sendThings(n int) {
	for i := range n {
		r.send(fmt.Sprint("thing-", i), "new")
	}
}

// feed sends messages for things of their own, until stop is called. sent says when
// each was sent, by thing, and is to be read after that.
func (r *run) feed(every time.Duration) (sent map[string]time.Time, stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
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
			r.send(thing, "x")
		}
	})
	return sent, func() {
		cancel()
		sender.Wait()
	}
}

// letter is a dead letter.
type letter struct {
	body    string
	failure message.Failure
}

func (r *run) letters() (out []letter) {
	for _, m := range r.cloud.SQS.Messages(r.dlq) {
		l := letter{body: m.Body}
		if err := json.Unmarshal([]byte(m.Attributes[message.AttributeFailure].StringValue), &l.failure); err != nil {
			r.t.Errorf("the Failure of letter %s is not readable: %v", m.ID, err)
		}
		out = append(out, l)
	}
	return out
}
