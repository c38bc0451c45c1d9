package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
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

// aws is the SDK's configuration for the rig's cloud.
func (r *rig) aws() *aws.Config {
	return &aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
		}),
	}
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

// addsUp checks that every message received has exactly one outcome.
func (w *worker) addsUp() {
	w.t.Helper()
	s := w.Status().Messages
	sum := s.Held
	for _, n := range s.Outcomes {
		sum += n
	}
	if sum != s.Received {
		w.t.Errorf("%d messages received, but outcomes and held come to %d: %+v", s.Received, sum, s)
	}
}

// lines are the worker's log lines, one each.
func (w *worker) lines() string {
	var b strings.Builder
	for _, e := range w.logs.All() {
		fields, _ := json.Marshal(e.ContextMap())
		fmt.Fprintf(&b, "%s %s %s\n", e.Level, e.Message, fields)
	}
	return b.String()
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

// send puts a message with this body in the queue and returns its id.
func (r *rig) send(body string) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body})
}

// sendAt is send with the event's time as an attribute.
func (r *rig) sendAt(at time.Time, body string) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body, Attributes: occurredAt(at)})
}

func occurredAt(at time.Time) map[string]localcloud.Attribute {
	return map[string]localcloud.Attribute{"OccurredAt": {DataType: "String", StringValue: at.UTC().Format(time.RFC3339Nano)}}
}

// name is a message body that renames a thing.
func name(thing, to string) string {
	return fmt.Sprintf(`{"Identifier":%q,"Name":%q}`, thing, to)
}

// wantMember checks a member of a thing as the API has it.
func (r *rig) wantMember(thing, member, raw string) {
	r.t.Helper()
	members, _ := r.cloud.Things.Get(thing)
	if got := string(members[member]); got != raw {
		r.t.Errorf("%s of %s is %s, want %s", member, thing, got, raw)
	}
}

// calls are the calls for a thing, or for all where it is empty.
func (r *rig) calls(thing string) []localcloud.Call {
	all := r.cloud.Things.Calls()
	return slices.DeleteFunc(slices.Clone(all), func(c localcloud.Call) bool { return thing != "" && c.Thing != thing })
}

// letters are the dead letters, each with its Failure.
func (r *rig) letters() []letter {
	r.t.Helper()
	var out []letter
	for _, m := range r.cloud.SQS.Messages(r.dlq) {
		l := letter{Stored: m}
		if text := m.Attributes["Failure"].StringValue; text != "" {
			if err := json.Unmarshal([]byte(text), &l.Failure); err != nil {
				r.t.Errorf("the Failure of letter %s is not readable: %v", m.ID, err)
			}
		}
		out = append(out, l)
	}
	return out
}

type letter struct {
	localcloud.Stored
	Failure message.Failure
}

// oneLetter is the only dead letter, of the reason.
func (r *rig) oneLetter(reason message.Reason) letter {
	r.t.Helper()
	letters := r.letters()
	if len(letters) != 1 {
		r.t.Fatalf("%d dead letters, want 1 (%s)", len(letters), reason)
	}
	if got := letters[0].Failure.Reason; got != reason {
		r.t.Fatalf("the letter's reason is %q, want %q: %+v", got, reason, letters[0].Failure)
	}
	return letters[0]
}

// traffic keeps the API busy with other things that succeed, so that failures of
// one thing can be told from a trouble of the service; it ends with the returned
// function.
func (r *rig) traffic(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var sender sync.WaitGroup
	sender.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			r.send(name(fmt.Sprintf("traffic-%d", n%50), fmt.Sprintf("n%d", n)))
		}
	})
	stop = func() {
		cancel()
		sender.Wait()
	}
	r.t.Cleanup(stop)
	return stop
}

// outcomes are a worker's settled messages.
func (w *worker) outcomes() map[string]int { return w.Status().Messages.Outcomes }

// wantOutcomes checks outcomes by name; those not named must be 0.
func (w *worker) wantOutcomes(want map[message.Outcome]int) {
	w.t.Helper()
	got := w.outcomes()
	for _, o := range message.Outcomes {
		if got[string(o)] != want[o] {
			w.t.Errorf("%d messages %s, want %d (all: %v)", got[string(o)], o, want[o], got)
		}
	}
}
