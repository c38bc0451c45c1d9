package status

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/admission"
	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
)

// Sources are what a Reporter reads from the start.
type Sources struct {
	Config    config.Config
	Version   string
	Started   time.Time
	Log       *zap.Logger
	Level     zap.AtomicLevel
	Metrics   *telemetry.Metrics
	Backlog   *backlog.Backlog
	Circuit   *pace.Circuit
	Admission *admission.Gate
	Timeline  *timeline.Log
}

// Parts are what is there when the worker has been built.
type Parts struct {
	DeadLetterQueue string
	Retention       time.Duration                      // of the source queue; 0 if it was not told
	Queued          func(context.Context) (int, error) // about how many messages wait in the queue
	Store           *MeteredStore
	Memory          *thingstate.Memory // nil if the state is shared
	Pace            pace.Pace
	Consumer        *consumer.Consumer
}

// Reporter says how the worker is. Until Built is called it says what is known by then.
// Safe for use by many goroutines.
type Reporter struct {
	of    Sources
	parts atomic.Pointer[Parts] // nil before Built

	phase         atomic.Pointer[phase]
	lately        lastMinute
	queued        atomic.Pointer[int] // about how many messages wait in the queue; nil: not known
	askedDepth    time.Time           // when the queue was last asked for it
	stateClock    stateClock
	forgets       forgetting
	circuitOpened telemetry.Counters[string]
}

// New makes a Reporter of a worker that is starting.
func New(of Sources) *Reporter {
	r := &Reporter{
		of: of,
		circuitOpened: telemetry.NewCounters(of.Metrics.Registry, "worker_circuit_opened_total", "How often the circuit opened, by why: failing, calls for different things fail; caller, the API does not accept who we are; all_refuse, everything is refused; state, the store of the things' records does not answer.",
			"reason", pace.OpenReasons),
	}
	r.Phase(Starting, Starting)
	return r
}

// Built tells the parts, once, before the phase leaves starting. From then on there are
// gauges.
func (r *Reporter) Built(p Parts) {
	r.parts.Store(&p)
	r.gauges(&p)
}

// Run keeps a mark every five seconds until ctx ends. It also watches how much waits in the
// queue, and whether the store in memory forgets things before their time.
func (r *Reporter) Run(ctx context.Context) {
	every := time.NewTicker(markEvery)
	defer every.Stop()
	for {
		r.lately.note(r.mark())
		r.watchDepth(ctx)
		r.watchForgetting()
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// Status is a snapshot.
func (r *Reporter) Status() Status {
	phase := r.phase.Load()
	cfg, m := &r.of.Config, r.of.Metrics
	s := Status{
		State: phase.name, Reason: phase.reason, Version: r.of.Version, Started: r.of.Started, Uptime: time.Since(r.of.Started).Seconds(),
		Level: r.of.Level.String(),
		Queue: cfg.QueueURL, Store: StoreStatus{Kind: cfg.StateKind(), Name: cfg.StateName()},
		Messages:    MessageStatus{Outcomes: map[string]int{}, Merged: m.Merged.Count()},
		DeadLetters: m.DeadLetters.Sums(),
		Letters:     LetterStatus{PutOff: m.LettersPutOff.Count()},
		Deletes:     DeleteStatus{LetGo: m.LetGo.Count()},
		Calls:       CallStatus{InFlight: int(m.CallsInFlight.Load()), ByResult: m.Calls.Sums()},
		SQS:         SQSStatus{Requests: m.SQSRequests.Sums(), EmptyReceives: m.EmptyReceives.Count()},
		Latency:     m.CallSeconds.Buckets(),
	}
	r.addReach(&s.Store)
	p := r.parts.Load()
	if p == nil {
		return s
	}
	if since, on := r.of.Admission.Pause.Since(); on && s.State == Receiving {
		s.State, s.Reason, s.PausedSince = Paused, pausedSince(since), &since
	}
	s.DeadLetterQueue = p.DeadLetterQueue
	p.Store.addTo(&s.Store)
	held := p.Consumer.Stats()
	s.addMessages(held)
	for _, f := range p.Consumer.Failing() {
		s.SQS.Failing = append(s.SQS.Failing, FailingStatus(f))
	}
	if f, failing := p.Consumer.NotReceiving(); failing && s.State == Receiving {
		s.Reason = notReceiving(f)
	}
	s.addBacklog(r.of.Backlog.Stats())
	s.Pace = r.pace(p, held.Full || r.of.Admission.Full())
	if c := r.of.Circuit.State(); c.Open {
		s.Circuit = CircuitStatus{true, c.Why, c.Code, &c.Since, &c.NextProbe, whyIsOpen(c)}
	}
	return s
}

func (s *Status) addMessages(c consumer.Stats) {
	m := &s.Messages
	m.Received, m.ReceivedAgain, m.Held, m.HeldBytes = c.Received, c.Again, c.Held, c.HeldBytes
	m.Settling, m.Stranded = c.Settling, c.Stranded
	if s.Letters.Unstored = c.Unstored.Messages; s.Letters.Unstored > 0 {
		s.Letters.FailingSince, s.Letters.Code = &c.Unstored.Since, c.Unstored.Code
	}
	if s.Deletes.Undeleted = c.Undeleted.Messages; s.Deletes.Undeleted > 0 {
		s.Deletes.FailingSince, s.Deletes.Code = &c.Undeleted.Since, c.Undeleted.Code
	}
	for outcome, n := range c.Outcomes {
		m.Outcomes[string(outcome)] = n
	}
	s.SQS.PollsOpen, s.SQS.PollsCut = c.PollsOpen, c.PollsCut
}

func (s *Status) addBacklog(b backlog.Stats) {
	s.Backlog = BacklogStatus{Things: b.Things, Items: b.Items, BackingOff: b.BackingOff, NoEvidence: b.NoEvidence}
	if !b.Oldest.IsZero() {
		s.Backlog.OldestSeconds = secondsSince(b.Oldest)
	}
}

func (r *Reporter) pace(p *Parts, full bool) PaceStatus {
	lately := r.shares()
	s := PaceStatus{
		Rate: p.Pace.Rate(), Utilisation: lately.utilisation,
		ThrottledShare: lately.throttled, MessagesPerCall: lately.perCall,
	}
	if worth, bounded := r.of.Admission.LookAhead(); bounded {
		s.LookAhead = new(worth)
	}
	s.Queued = r.queued.Load()
	s.MoreInQueue = full && s.Queued == nil
	if seconds, ok := r.drain(lately); ok {
		s.DrainSeconds = new(seconds)
	}
	return s
}

// secondsSince is the age of what SQS's clock dates, 0 if that is ahead of ours.
func secondsSince(t time.Time) float64 { return max(0, time.Since(t).Seconds()) }

// hotThings is how many of the hottest things the page shows.
const hotThings = 10

// Hottest are the things that the most messages wait for.
func (r *Reporter) Hottest() []HotThing {
	hot := []HotThing{}
	for _, h := range r.of.Backlog.Hottest(hotThings) {
		it := HotThing{Thing: h.Thing, Waiting: h.Waiting, State: h.State, Failures: h.Failures}
		if !h.Oldest.IsZero() {
			it.OldestSeconds = new(secondsSince(h.Oldest))
		}
		hot = append(hot, it)
	}
	return hot
}
