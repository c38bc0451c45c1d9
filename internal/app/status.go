package app

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/telemetry"
)

// Status is what /status shows. Its names are an interface: scripts read them.
type Status struct {
	State   string    `json:"state"` // starting, receiving, draining
	Reason  string    `json:"reason,omitempty"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Uptime  float64   `json:"uptime_seconds"`

	Queue           string `json:"queue"`
	DeadLetterQueue string `json:"dead_letter_queue"`

	Messages    MessageStatus  `json:"messages"`
	DeadLetters map[string]int `json:"dead_letters"` // by reason
	Calls       CallStatus     `json:"calls"`
	Pace        PaceStatus     `json:"pace"`
	Circuit     CircuitStatus  `json:"circuit"`
	Backlog     BacklogStatus  `json:"backlog"`
	SQS         SQSStatus      `json:"sqs"`
	Store       StoreStatus    `json:"store"`
}

// MessageStatus counts messages. Received is the sum of the outcomes and held.
type MessageStatus struct {
	Received      int            `json:"received"`
	ReceivedAgain int            `json:"received_again"` // while held
	Held          int            `json:"held"`
	HeldBytes     int64          `json:"held_bytes"`
	Settling      int            `json:"settling"`
	Merged        int            `json:"merged"`
	Stranded      int            `json:"stranded"`
	Outcomes      map[string]int `json:"outcomes"`
}

// CallStatus counts API calls.
type CallStatus struct {
	InFlight int            `json:"in_flight"`
	ByResult map[string]int `json:"by_result"`
}

// PaceStatus is the pace of calls, and how they were spent in the last minute.
type PaceStatus struct {
	Rate            float64 `json:"rate"`              // calls a second
	Utilisation     float64 `json:"utilisation"`       // of the rate, 0 to 1
	ThrottledShare  float64 `json:"throttled_share"`   // of the calls, 0 to 1
	MessagesPerCall float64 `json:"messages_per_call"` // applied or superseded, for each call
	// LookAhead is how many things are worth having in line; absent where merging, or
	// tenants that take turns, make it as many as WORKER_MAX_HELD allows.
	LookAhead *int `json:"look_ahead,omitempty"`
	// DrainSeconds is about how long the calls for all that is held will take; absent
	// while the circuit is open. MoreInQueue says that the worker holds as much as it
	// may, or as is worth holding, so there may be more to do than that.
	DrainSeconds *float64 `json:"drain_seconds,omitempty"`
	MoreInQueue  bool     `json:"more_in_queue"`
}

// CircuitStatus says whether calls and receives are held back, and why.
type CircuitStatus struct {
	Open      bool       `json:"open"`
	Why       string     `json:"why,omitempty"` // failing, caller, all_refuse, state
	Code      string     `json:"code,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	NextProbe *time.Time `json:"next_probe,omitempty"` // not before
}

// BacklogStatus is what waits.
type BacklogStatus struct {
	Things        int     `json:"things"`
	Items         int     `json:"items"`
	BackingOff    int     `json:"backing_off"`
	NoEvidence    int     `json:"no_evidence"` // things that fail without other traffic to compare with
	OldestSeconds float64 `json:"oldest_seconds"`
}

// SQSStatus counts requests to SQS.
type SQSStatus struct {
	Requests      map[string]int `json:"requests"` // by action
	EmptyReceives int            `json:"empty_receives"`
	PollsOpen     int            `json:"polls_open"`
	PollsCut      int            `json:"polls_cut"`
}

// StoreStatus says where things are remembered, and since when.
type StoreStatus struct {
	Kind  string    `json:"kind"`
	Since time.Time `json:"since"` // an update older than the newest applied is recognised back to here
}

// Metrics are what /metrics shows.
func (w *Worker) Metrics() prometheus.Gatherer { return w.metrics.Registry }

// Health is what /healthz says, and the loops that make no progress.
func (w *Worker) Health() (ok bool, stale []string) { return w.health.Check() }

// Status is a snapshot. Safe for use by many goroutines.
func (w *Worker) Status() Status {
	name, reason := w.phase.get()
	s := Status{
		State: name, Reason: reason, Version: w.o.Version, Started: w.started, Uptime: time.Since(w.started).Seconds(),
		Queue: w.cfg.QueueURL, Store: StoreStatus{Kind: w.cfg.State, Since: w.fenceStart()},
		Messages:    MessageStatus{Outcomes: map[string]int{}},
		DeadLetters: sums(w.metrics.DeadLetters, "reason"),
		Calls:       CallStatus{InFlight: read(w.metrics.CallsInFlight), ByResult: sums(w.metrics.Calls, "result")},
		SQS:         SQSStatus{Requests: sums(w.metrics.SQSRequests, "action"), EmptyReceives: read(w.metrics.EmptyReceives)},
	}
	s.Messages.Merged = read(w.metrics.Merged)
	if name == starting {
		return s // the parts below are being built
	}
	s.DeadLetterQueue = w.deadLetterURL
	s.addMessages(w.consumer.Stats())
	s.addBacklog(w.backlog.Stats())
	s.addPace(w)
	if c := w.circuit.State(); c.Open {
		s.Circuit = CircuitStatus{true, c.Why, c.Code, &c.Since, &c.NextProbe}
	}
	return s
}

func (s *Status) addMessages(c consumer.Stats) {
	m := &s.Messages
	m.Received, m.ReceivedAgain, m.Held, m.HeldBytes = c.Received, c.Again, c.Held, c.HeldBytes
	m.Settling, m.Stranded = c.Settling, c.Stranded
	s.Pace.MoreInQueue = c.Full
	for outcome, n := range c.Outcomes {
		m.Outcomes[string(outcome)] = n
	}
	s.SQS.PollsOpen, s.SQS.PollsCut = c.PollsOpen, c.PollsCut
}

func (s *Status) addBacklog(b backlog.Stats) {
	s.Backlog = BacklogStatus{Things: b.Things, Items: b.Items, BackingOff: b.BackingOff, NoEvidence: b.NoEvidence}
	if !b.Oldest.IsZero() {
		s.Backlog.OldestSeconds = time.Since(b.Oldest).Seconds()
	}
}

func (s *Status) addPace(w *Worker) {
	lately := w.lately()
	s.Pace.Rate, s.Pace.Utilisation = w.pace.Rate(), lately.utilisation
	s.Pace.ThrottledShare, s.Pace.MessagesPerCall = lately.throttled, lately.perCall
	if worth, bounded := w.window.Worth(w.pace.Rate()); bounded {
		s.Pace.LookAhead = new(worth)
	}
	if estimate, ok := w.drain(lately); ok {
		s.Pace.DrainSeconds = new(estimate.Seconds())
	}
}

// gauges registers what is read off the parts when somebody asks.
func (w *Worker) gauges() {
	m := w.metrics
	m.Gauge("messages_held", "Messages held.", func() float64 { return float64(w.consumer.Stats().Held) })
	m.Gauge("messages_held_bytes", "Bytes of the bodies held.", func() float64 { return float64(w.consumer.Stats().HeldBytes) })
	m.Gauge("things_waiting", "Things with an update that waits or is being sent.", func() float64 { return float64(w.backlog.Things()) })
	m.Gauge("oldest_waiting_seconds", "Age of the longest-waiting message, from its SentTimestamp.", func() float64 {
		if oldest := w.backlog.Stats().Oldest; !oldest.IsZero() {
			return time.Since(oldest).Seconds()
		}
		return 0
	})
	m.Gauge("things_without_evidence", "Things that fail without other traffic to compare with.", func() float64 { return float64(w.backlog.Stats().NoEvidence) })
	m.Gauge("circuit_open", "1 while the circuit is open: nothing is received, and only probes are sent.", func() float64 {
		if w.circuit.State().Open {
			return 1
		}
		return 0
	})
	m.Gauge("rate", "Calls a second that the worker allows itself.", w.pace.Rate)
	m.Gauge("rate_utilisation", "Calls made in the last minute, of those that the rate would have let out.", func() float64 { return w.lately().utilisation })
	m.Gauge("throttled_share", "Throttled calls, of those of the last minute.", func() float64 { return w.lately().throttled })
	m.Gauge("messages_per_call", "Messages applied or superseded for each call of the last minute.", func() float64 { return w.lately().perCall })
	m.Gauge("drain_seconds", "About how long the calls for all that is held will take; NaN while the circuit is open.", func() float64 {
		if estimate, ok := w.drain(w.lately()); ok {
			return estimate.Seconds()
		}
		return math.NaN()
	})
}

// logSums writes the last line of a run: what went in and what became of it.
func (w *Worker) logSums(err error) {
	s := w.Status()
	outcomes := s.Messages.Outcomes
	fields := []zap.Field{zap.Int("received", s.Messages.Received)}
	for _, name := range []string{"applied", "superseded", "superseded_unsure", "duplicate", "unchanged", "dead_lettered", "released"} {
		fields = append(fields, zap.Int(name, outcomes[name]))
	}
	calls := 0
	for _, n := range s.Calls.ByResult {
		calls += n
	}
	fields = append(fields,
		zap.Int("merged", s.Messages.Merged), zap.Int("calls", calls), zap.Int("throttled", s.Calls.ByResult[string(telemetry.CallThrottled)]),
		zap.Any("dead_letters", s.DeadLetters), zap.Int("polls_cut", s.SQS.PollsCut), zap.Int("stranded", s.Messages.Stranded))
	if err != nil {
		w.log.Error("stopped", append(fields, zap.Error(err))...)
		return
	}
	w.log.Info("stopped", fields...)
}

// sums reads a counter's series, added up by one of its labels.
func sums(v *prometheus.CounterVec, label string) map[string]int {
	out := make(map[string]int)
	ch := make(chan prometheus.Metric)
	go func() {
		v.Collect(ch)
		close(ch)
	}()
	for metric := range ch {
		var m dto.Metric
		if metric.Write(&m) != nil {
			continue // unreachable: a counter can always be written
		}
		for _, pair := range m.GetLabel() {
			if pair.GetName() == label {
				out[pair.GetValue()] += int(m.GetCounter().GetValue())
			}
		}
	}
	return out
}

// read is the value of a metric without labels.
func read(metric prometheus.Metric) int {
	var m dto.Metric
	if metric.Write(&m) != nil {
		return 0 // unreachable: as above
	}
	if m.Counter != nil {
		return int(m.GetCounter().GetValue())
	}
	return int(m.GetGauge().GetValue())
}
