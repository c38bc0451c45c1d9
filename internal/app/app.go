// Package app builds the worker from its parts, runs it, and stops it.
package app

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/intake"
	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/lookahead"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/retry"
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
	// Glance is told once a second how things are. Nil: nobody is.
	Glance func(Status)
}

// Worker is one run of the worker: New, then Run once.
type Worker struct {
	cfg     config.Config
	o       Options
	log     *zap.Logger
	started time.Time

	metrics *telemetry.Metrics
	health  *telemetry.Health
	phase   phase
	backlog *backlog.Backlog
	circuit *pace.Circuit
	window  *lookahead.Window
	pause   pause
	halt    halt
	page    *livepage.Feed
	spent   spending
	depth   depth

	stories  *timeline.Log
	callTime callTime

	// Set by build, before the phase leaves starting.

	queues        *queues
	deadLetterURL string
	examine       func(context.Context) doctor.Report
	store         *meteredStore
	closeState    func() error
	pace          pace.Pace
	intake        *intake.Intake
	consumer      *consumer.Consumer
	updater       *updater.Updater

	exitBy time.Time // set when it stops; read by the goroutine of Run
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
		cfg: cfg, o: o, log: o.Log, started: time.Now(),
		metrics: telemetry.NewMetrics(), health: telemetry.NewHealth(), backlog: backlog.New(),
		window:  lookahead.New(cfg.MaxHeld, cfg.VisibilityTimeout),
		stories: timeline.New(timeline.Options{Bytes: storiesBytes + storyBytes*cfg.MaxHeld}),
	}
	w.metrics.Counter("log_lines_dropped_total", "Lines of the log that were dropped: it was not read, or took no more.", func() float64 { return float64(o.DroppedLines()) })
	w.page = w.feed()
	w.metrics.Source(cfg.QueueURL) // its series are there before the queue was found
	w.circuit = pace.NewCircuit(cfg.CallTimeout, w.circuitChanged)
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
	settleConnections  = 32 // batches of deletes, renewals and letters under way at once
	credentialsTimeout = 30 * time.Second
	headerTimeout      = 0 // none: each call has a deadline of its own already
)

// build makes the parts: the queues first, then what stands behind them on a
// message's way, from the last to the first.
func (w *Worker) build(ctx context.Context) error {
	cfg, err := usableAWS(ctx, w.o.AWS)
	if err != nil {
		return err
	}
	policy := retry.Policy{Base: w.cfg.RetryBase, Max: w.cfg.RetryMax}
	client := awshttp.ForConfig(cfg, awshttp.Options{
		Connections: w.cfg.Concurrency + w.cfg.Pollers + settleConnections,
		Transport:   w.o.Transport, HeaderTimeout: headerTimeout,
	})
	api := w.o.API
	if api == nil {
		if api, err = managedthings.New(cfg, managedthings.Options{HTTP: client}); err != nil {
			return &SetupError{err, "correct the AWS settings of the environment or the profile"}
		}
	}
	// Retries belong to the worker's own parts: the SDK's would be invisible to
	// the leases and the score.
	queue := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.HTTPClient, o.Retryer = client, aws.NopRetryer{}
		o.DisableMessageChecksumValidation = fips140.Enforced() // MD5 is forbidden then, and would panic
	})
	w.queues = &queues{api: queue, policy: policy, metrics: w.metrics, log: w.log}
	if w.deadLetterURL, err = w.queues.find(ctx, w.cfg.QueueURL, w.cfg.DLQURL); err != nil {
		return err
	}

	if err := w.openState(ctx, cfg); err != nil {
		return err
	}
	if w.pace = w.o.Pace; w.pace == nil {
		w.pace = pace.NewLearned(pace.LearnedOptions{Start: w.cfg.RateStart, Max: w.cfg.RateMax, Rand: w.o.Rand})
	}
	w.updater = updater.New(w.backlog, w.store, haltedPace{w.pace, &w.halt}, api, w.metrics, w.log, updater.Options{
		Concurrency: w.cfg.Concurrency, CallTimeout: w.cfg.CallTimeout, Retry: policy, Attempts: w.cfg.RetryAttempts,
		Semantics: backlog.Semantics(w.cfg.MemberSemantics), SkipUnchanged: w.cfg.SkipUnchanged, Circuit: w.circuit, Rand: w.o.Rand, Traces: w.o.Traces,
	})
	w.intake = intake.New(w.backlog, w.metrics, intake.Options{
		Hold:        func() bool { return w.circuit.State().Open },
		Saw:         w.window.Saw,
		MaxReceives: w.cfg.MaxReceives, Tenants: !isFIFO(w.cfg.QueueURL), Decode: message.Options{MaxEventAge: w.cfg.MaxEventAge},
	})
	letters := deadletter.NewWriter(queue, w.deadLetterURL, w.o.Name, w.metrics, w.log)
	letters.TraceWith(w.o.Traces)
	w.consumer = consumer.New(queue, letters, w.intake, w.metrics, w.log, consumer.Options{
		QueueURL: w.cfg.QueueURL, Pollers: w.cfg.Pollers, WaitTime: w.cfg.WaitTime, Visibility: w.cfg.VisibilityTimeout,
		MaxHeld: w.cfg.MaxHeld, MaxHeldBytes: w.cfg.MaxHeldBytes, ExpectedWait: w.expectedWait, Retry: policy, Rand: w.o.Rand,
		Paused: w.paused, Timeline: w.stories, Traces: w.o.Traces, Enough: w.enough, Halted: w.halt.on,
	})
	w.examine = func(ctx context.Context) doctor.Report {
		return doctor.Examine(ctx, doctor.Options{Config: w.cfg, AWS: cfg, HTTP: client, HeaderTimeout: headerTimeout, Running: true})
	}
	w.gauges()
	return nil
}

// loadAWS loads the SDK's configuration, unless one is given.
func loadAWS(ctx context.Context, given *aws.Config) (aws.Config, error) {
	if given != nil {
		return given.Copy(), nil
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return cfg, &SetupError{fmt.Errorf("the AWS configuration cannot be read: %w", err), "correct the profile or the environment"}
	}
	return cfg, nil
}

// usableAWS loads the SDK's configuration and checks what nothing works without.
func usableAWS(ctx context.Context, given *aws.Config) (cfg aws.Config, err error) {
	defer func() {
		// A profile of IAM Identity Center names its cached token by SHA-1.
		if forbidden := recover(); forbidden != nil {
			if !fips140.Enforced() {
				panic(forbidden)
			}
			err = &SetupError{fmt.Errorf("the AWS credentials need an algorithm that is forbidden here: %v", forbidden), "use keys or a role, or allow other than FIPS 140 algorithms in GODEBUG"}
		}
	}()
	cfg, err = loadAWS(ctx, given)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, &SetupError{errors.New("no AWS Region is set"), "set AWS_REGION, or region in the profile"}
	}
	if cfg.Credentials == nil {
		return cfg, &SetupError{errors.New("no AWS credentials are set"), "set AWS_PROFILE, keys or a role"}
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, &SetupError{fmt.Errorf("no AWS credentials could be had: %w", err), "set AWS_PROFILE, keys, or a role that this task or pod may assume"}
	}
	return cfg, nil
}

// fenceStart is how far back the worker can tell an old update from a new one.
func (w *Worker) fenceStart() time.Time {
	reach := time.Now().Add(-w.cfg.VersionTTL)
	if w.cfg.StateKind() == config.StateMemory && reach.Before(w.started) {
		return w.started
	}
	return reach
}
