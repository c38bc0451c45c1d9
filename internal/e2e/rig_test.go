package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

// errTestEnds is the cause with which a test stops a worker.
var errTestEnds = errors.New("the test ends")

// rig is a cloud with a source queue and its dead-letter queue, and what a worker
// needs to work on them. All in one process, without sockets, so that it lives in
// a synctest bubble.
type rig struct {
	t       testing.TB
	cloud   *localcloud.Cloud
	queue   string // URL
	dlq     string // URL
	cfg     config.Config
	workers []*worker

	apiFaults faults[localcloud.CallInfo]
	sqsFaults faults[localcloud.SQSInfo]
}

// layout is how a test wants its cloud.
type layout struct {
	cloud      localcloud.Options
	fifo       bool
	dedup      bool                 // content-based deduplication, on a FIFO queue
	visibility time.Duration        // of the queue itself; the worker asks for its own
	maxBytes   int                  // of a message in both queues
	settings   func(*config.Config) // changes the defaults
}

// ofQuota is a cloud that grants so many calls a second, and a worker that does not
// know it.
func ofQuota(quota float64) layout {
	return layout{
		cloud:    localcloud.Options{Quota: quota, Latency: 30 * time.Millisecond},
		settings: func(c *config.Config) { c.RateStart = config.Default().RateStart },
	}
}

func newRig(t testing.TB, l layout) *rig {
	t.Helper()
	if l.cloud.AccessKey == "" {
		l.cloud.AccessKey, l.cloud.SecretKey = "AKIDLOCAL", "local-secret"
	}
	if l.cloud.BaseURL == "" {
		l.cloud.BaseURL = "http://127.0.0.1:4566"
	}
	r := &rig{t: t, cloud: localcloud.New(l.cloud), cfg: config.Default()}
	r.cloud.Faults.OnCall, r.cloud.Faults.OnSQS = r.apiFaults.of, r.sqsFaults.of
	r.dlq = r.cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{FIFO: l.fifo, Retention: 14 * 24 * time.Hour, MaxBytes: l.maxBytes})
	r.queue = r.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{
		FIFO: l.fifo, ContentBasedDedup: l.dedup, Visibility: l.visibility, DLQ: r.dlq, MaxBytes: l.maxBytes,
	})
	r.cfg.QueueURL = r.queue
	r.cfg.AdminAddr = ""
	r.cfg.RateStart = 1000
	if l.settings != nil {
		l.settings(&r.cfg)
	}
	return r
}

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

// aws is the SDK's configuration for the rig's cloud.
func (r *rig) aws() *aws.Config {
	return &aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
		}),
	}
}

// sqs is a client of SQS beside the worker's: a person's, or another program's.
func (r *rig) sqs() *sqs.Client {
	return sqs.NewFromConfig(*r.aws(), func(o *sqs.Options) {
		o.HTTPClient, o.Retryer = &http.Client{Transport: r.cloud.Transport()}, aws.NopRetryer{}
	})
}

// worker is one run of the worker.
type worker struct {
	*app.Worker
	t      testing.TB
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error
	logs   *observer.ObservedLogs
}

// start runs a worker until stop, or the end of the test.
func (r *rig) start(change ...func(*app.Options)) *worker {
	r.t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	o := app.Options{Log: zap.New(core), Version: "test", Name: "worker-1", AWS: r.aws(), Transport: r.cloud.Transport()}
	for _, f := range change {
		f(&o)
	}
	if o.Transport != nil {
		o.Transport = noted(o.Transport)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	w := &worker{Worker: app.New(r.cfg, o), t: r.t, cancel: cancel, done: make(chan struct{}), logs: logs}
	r.workers = append(r.workers, w)
	go func() {
		defer close(w.done)
		w.err = w.Run(ctx)
	}()
	r.t.Cleanup(func() {
		cancel(errTestEnds)
		<-w.done
	})
	return w
}

// stop ends the worker as a signal does, and returns what it ended with.
func (w *worker) stop() error {
	w.cancel(errTestEnds)
	<-w.done
	return w.err
}

// stopped fails the test unless the worker stops with nothing left behind.
func (w *worker) stopped() {
	w.t.Helper()
	if err := w.stop(); err != nil {
		w.t.Errorf("the worker ended with: %v\n%s", err, w.lines())
	}
	w.addsUp()
}

// until waits, in the bubble's time, for something to become true.
func (r *rig) until(what string, within time.Duration, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for _, w := range r.workers {
				status, _ := json.MarshalIndent(w.Status(), "", " ")
				r.t.Logf("%s\n%s", status, w.lines())
			}
			r.t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// drained waits until the source queue is empty and the worker knows it: in the
// bubble no time passes before the answers under way have been dealt with.
func (r *rig) drained(within time.Duration) {
	r.t.Helper()
	r.until("the queue is drained", within, func() bool { return r.cloud.SQS.Len(r.queue) == 0 })
	time.Sleep(time.Millisecond)
}
