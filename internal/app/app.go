// Package app builds the worker from its parts, runs it, and stops it.
package app

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap"

	"managed-thing-updater/internal/admission"
	"managed-thing-updater/internal/awscredentials"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/grace"
	"managed-thing-updater/internal/intake"
	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
	"managed-thing-updater/internal/updater"
)

// Options of a Worker beside its settings.
type Options struct {
	Log *zap.Logger
	// DroppedLines is how many lines Log has dropped. Nil: none.
	DroppedLines func() uint64
	// Level is what changes the log's level while the worker runs; the zero one
	// changes nothing.
	Level   zap.AtomicLevel
	Version string
	// Name of this worker on its dead letters; empty is the host's name.
	Name string
	// AWS is the SDK's configuration. Nil: loaded as every AWS tool does it, from
	// the environment, profiles and roles.
	AWS *aws.Config
	// Transport carries all HTTP requests to AWS. Nil: the network.
	Transport http.RoundTripper
	// Store remembers the things. Nil: the one that the settings name.
	Store thingstate.Store
	// Pace permits the calls. Nil: one that learns the quota, from WORKER_RATE_START
	// and up to WORKER_RATE_MAX.
	Pace pace.Pace
	// API takes the calls. Nil: the service itself, reached as AWS says.
	API updater.API
	// Examine looks at start, beside the loops, for what is wrong with the set-up,
	// as worker doctor does, and logs each problem.
	Examine bool
	// Traces makes spans, and is closed when the worker has stopped. Nil: there are
	// none.
	Traces *telemetry.Traces
	// Rand draws the waits between tries; safe for use by many goroutines. Nil:
	// the process's own.
	Rand *rand.Rand
	// OnStatus is told once a second how the worker is. Nil: nothing is.
	OnStatus func(status.Status)
}

// Worker is one run of the worker: New, then Run once.
type Worker struct {
	cfg config.Config
	o   Options
	log *zap.Logger

	metrics   *telemetry.Metrics
	health    *telemetry.Health
	backlog   *backlog.Backlog
	circuit   *pace.Circuit
	admission *admission.Gate
	stories   *timeline.Log
	reporter  *status.Reporter
	page      *livepage.Feed

	stopped *grace.Period // begins with the stop; set by Run

	// Set by build, before the phase leaves starting.

	queues        *queues
	deadLetterURL string
	examine       func(context.Context) doctor.Report
	store         *status.MeteredStore
	memory        *thingstate.Memory // nil if the state is shared
	closeState    func() error
	pace          pace.Pace
	intake        *intake.Intake
	consumer      *consumer.Consumer
	updater       *updater.Updater
}

// New makes a worker that does nothing yet.
func New(cfg config.Config, o Options) *Worker {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.DroppedLines == nil {
		o.DroppedLines = func() uint64 { return 0 }
	}
	if o.Level == (zap.AtomicLevel{}) {
		o.Level = zap.NewAtomicLevel()
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	if o.Name == "" {
		o.Name = "worker"
	}
	w := &Worker{
		cfg: cfg, o: o, log: o.Log,
		metrics: telemetry.NewMetrics(), health: telemetry.NewHealth(), backlog: backlog.New(),
		stories: timeline.New(timeline.Options{Bytes: storiesBytes + storyBytes*cfg.MaxHeld}),
	}
	w.metrics.Counter("log_lines_dropped_total", "Lines of the log that were dropped: it was not read, or took no more.", func() float64 { return float64(o.DroppedLines()) })
	w.metrics.Source(cfg.QueueURL) // its series are there before the queue was found
	w.circuit = pace.NewCircuit(cfg.CallTimeout, w.circuitChanged)
	w.admission = admission.New(admission.Options{
		MaxHeld: cfg.MaxHeld, Lease: cfg.VisibilityTimeout, Waiting: w.backlog, Circuit: w.circuit,
		Rate: func() float64 { return w.pace.Rate() }, LeasesEnd: func() bool { return w.consumer.LeasesEnd() },
	})
	started := time.Now()
	w.reporter = status.New(status.Sources{
		Config: cfg, Version: o.Version, Started: started, Log: o.Log, Level: o.Level,
		Metrics: w.metrics, Backlog: w.backlog, Circuit: w.circuit, Admission: w.admission, Timeline: w.stories,
	})
	w.page = livepage.New(livepage.Options{
		Read: w.reporter.Status, Hot: w.reporter.Hottest, Started: started, Version: o.Version, Name: o.Name, Controls: cfg.AdminToken != "",
	})
	return w
}

// Level is the log's level, which may be changed at any time, from any goroutine.
func (w *Worker) Level() zap.AtomicLevel { return w.o.Level }

// What is remembered of messages takes at most 4 MiB, and 1 KiB for each message
// that may be held: 9 MiB at the defaults.
const (
	storiesBytes = 4 << 20
	storyBytes   = 1 << 10
)

const (
	settleConnections = 32 // batches of deletes, renewals and letters under way at once
	headerTimeout     = 0  // none: each call has a deadline of its own already
)

// build makes the parts: the queues first, then what stands behind them on a
// message's way, from the last to the first.
func (w *Worker) build(ctx context.Context) error {
	cfg, err := usableAWS(ctx, w.o.AWS, w.log, awscredentials.ForWorker, w.waitsForCredentials())
	if err != nil {
		return err
	}
	w.reporter.Phase(status.Starting, status.Starting)
	policy := retry.Policy{Base: w.cfg.RetryBase, Max: w.cfg.RetryMax}
	client := awshttp.ForConfig(cfg, awshttp.Options{
		Connections: w.cfg.Concurrency + w.cfg.Pollers + settleConnections,
		Transport:   w.o.Transport, HeaderTimeout: headerTimeout,
	})
	// Retries belong to the worker's own parts: the SDK's would be invisible to
	// the leases and the score.
	queue := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.HTTPClient, o.Retryer = client, aws.NopRetryer{}
		o.DisableMessageChecksumValidation = true // the consumer checks each message by itself
	})
	w.queues = &queues{
		api: queue, policy: policy, metrics: w.metrics, log: w.log,
		waits: func(text string) { w.reporter.Phase(status.Starting, text) },
	}
	if err := w.queues.checkEndpoint(); err != nil {
		return err
	}
	if w.deadLetterURL, err = w.queues.find(ctx, w.cfg.QueueURL, w.cfg.DLQURL); err != nil {
		return err
	}
	w.reporter.Phase(status.Starting, status.Starting)
	api := w.o.API
	if api == nil {
		if api, err = managedthings.New(cfg, managedthings.Options{HTTP: client, ClockAhead: w.queues.clockAhead}); err != nil {
			return &SetupError{err, "correct the AWS settings of the environment or the profile"}
		}
	}

	if err := w.openState(ctx, cfg); err != nil {
		return err
	}
	if w.pace = w.o.Pace; w.pace == nil {
		w.pace = pace.NewLearned(pace.LearnedOptions{Start: w.cfg.RateStart, Max: w.cfg.RateMax, Rand: w.o.Rand})
	}
	w.updater = updater.New(w.backlog, w.store, w.admission.Pause.Pace(w.pace), api, w.metrics, w.log, updater.Options{
		Concurrency: w.cfg.Concurrency, CallTimeout: w.cfg.CallTimeout, Retry: policy, FailureLimit: w.cfg.RetryAttempts,
		Semantics: merge.Semantics(w.cfg.MemberSemantics), SkipUnchanged: w.cfg.SkipUnchanged, Circuit: w.circuit, Rand: w.o.Rand, Traces: w.o.Traces,
	})
	w.intake = intake.New(w.backlog, w.metrics, intake.Options{
		CircuitOpen: func() bool { return w.circuit.State().Open },
		Saw:         w.admission.Saw,
		MaxReceives: w.cfg.MaxReceives, Tenants: !queueurl.FIFO(w.cfg.QueueURL), Decode: message.Options{MaxEventAge: w.cfg.MaxEventAge},
	})
	letters := deadletter.NewWriter(queue, w.deadLetterURL, w.o.Name, w.metrics, w.log)
	letters.TraceWith(w.o.Traces)
	letters.LimitTo(w.queues.letterBytes)
	w.consumer = consumer.New(queue, letters, w.intake, w.metrics, w.log, consumer.Options{
		QueueURL: w.cfg.QueueURL, Pollers: w.cfg.Pollers, WaitTime: w.cfg.WaitTime, Visibility: w.cfg.VisibilityTimeout,
		MaxHeld: w.cfg.MaxHeld, MaxHeldBytes: w.cfg.MaxHeldBytes, ExpectedWait: w.reporter.ExpectedWait, Retry: policy, Rand: w.o.Rand,
		Admission: w.admission, Timeline: w.stories, Traces: w.o.Traces,
	})
	w.examine = func(ctx context.Context) doctor.Report {
		return doctor.Examine(ctx, doctor.Options{Config: w.cfg, AWS: cfg, HTTP: client, HeaderTimeout: headerTimeout, Running: true})
	}
	w.reporter.Built(status.Parts{
		DeadLetterQueue: w.deadLetterURL, Retention: w.queues.retention,
		Queued: func(ctx context.Context) (int, error) { return w.queues.visible(ctx, w.cfg.QueueURL) },
		Store:  w.store, Memory: w.memory, Pace: w.pace, Consumer: w.consumer,
	})
	return nil
}
