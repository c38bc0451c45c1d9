// Package telemetry holds what the worker says about itself: logs, metrics and
// health. Names of log fields and metrics stand here and nowhere else.
package telemetry

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"managed-thing-updater/internal/message"
)

// Metrics are the worker's counters and gauges. Every series with a closed set
// of label values exists, at 0, from the start.
type Metrics struct {
	Registry *prometheus.Registry

	Received          *Counter
	ReceivedAgain     *Counter // while the same message was held
	Damaged           *Counter // given back
	Settled           Counters[message.Outcome]
	SentToApplied     prometheus.Histogram // seconds
	DeadLetters       Counters[message.Reason]
	LettersNoTime     *Counter
	LettersPutOff     *Counter
	LetGo             *Counter
	EventTimesIgnored Counters[message.TimeFault]
	Merged            *Counter // messages that shared a call with others
	StaleWrites       *Counter // possible ones

	Calls         Counters[CallResult]
	CallSeconds   *Durations
	CallsInFlight atomic.Int64
	Attempts      Counters[Counting]

	StateSeconds    *prometheus.HistogramVec // operation
	StateOperations *Series                  // operation, result: ok, held, lost, error

	LeasesRenewed *Counter
	LeasesLost    *Counter
	SQSRequests   *Series // action, result; counted by SQSRequest
	SQSErrors     *Series // action, code; the same
	EmptyReceives *Counter
	Stranded      *Counter
	PollsCut      *Counter

	superseded map[LostTo]prometheus.Observer
	messaging  messaging
}

// The operations of the state store, and their results, as metrics name them.
const (
	StateAcquire = "acquire"
	StateFinish  = "finish"

	StateOK    = "ok"
	StateHeld  = "held"  // another replica has the thing
	StateLost  = "lost"  // another replica took it before the call's end was recorded
	StateError = "error" // the store did not do it, or did not say so
)

// StateResults are the results that each operation can have.
var StateResults = map[string][]string{
	StateAcquire: {StateOK, StateHeld, StateError},
	StateFinish:  {StateOK, StateLost, StateError},
}

// NewMetrics makes the metrics in a registry of their own, beside those of the
// Go runtime and the process.
func NewMetrics() *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	histogram := promauto.With(r)
	counter := func(name, help string) *Counter { return newSeries(r, name, help).With() }
	m := &Metrics{
		Registry: r,

		Received:          counter("worker_messages_received_total", "Messages received, a message received again while it is held left out."),
		ReceivedAgain:     counter("worker_messages_received_again_total", "Receives of a message that was held already; the newest receipt handle is used."),
		Damaged:           counter("worker_messages_damaged_total", "Messages that did not arrive as SQS stored them, by a checksum or a field that is missing, and were given back."),
		Settled:           NewCounters(r, "worker_messages_settled_total", "Messages by what became of them.", "outcome", message.Outcomes),
		DeadLetters:       NewCounters(r, "worker_dead_letters_total", "Messages stored in the dead-letter queue by reason.", "reason", message.Reasons),
		LettersNoTime:     counter("worker_dead_letters_without_time_total", "Dead letters with no room for OccurredAt and no time in their body."),
		LettersPutOff:     counter("worker_dead_letters_put_off_total", "Messages given back to the queue for a while because their dead letter could not be stored."),
		LetGo:             counter("worker_messages_let_go_total", "Messages left in the queue to the end of their lease because deletes or releases fail; settled ones come again as duplicates."),
		EventTimesIgnored: NewCounters(r, "worker_event_times_ignored_total", "Event times that were not believed, by why.", "why", message.TimeFaults),
		Merged:            counter("worker_messages_merged_total", "Messages settled by a call that carried other messages too, the first of each call left out."),
		StaleWrites:       counter("worker_possible_stale_writes_total", "Calls that may have set an older value over a newer one: the thing's lease had gone to another owner before the call's end was recorded."),

		Calls:       NewCounters(r, "worker_api_calls_total", "UpdateManagedThing calls by how they ended.", "result", CallResults),
		CallSeconds: newDurations(r, "worker_api_call_seconds", "Duration of UpdateManagedThing calls.", []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}),
		Attempts:    NewCounters(r, "worker_failed_attempts_total", "Failed calls by whether they count against the update: yes; trouble, while other things fail as well; no_evidence, without other traffic to compare with.", "counted", Countings),

		LeasesRenewed: counter("worker_leases_renewed_total", "Visibility timeouts extended, one for each message."),
		LeasesLost:    counter("worker_leases_lost_total", "Leases that ran out or were taken away while the message was held."),
		SQSRequests:   newSeries(r, "worker_sqs_requests_total", "Requests to SQS by action and result.", "action", "result"),
		SQSErrors:     newSeries(r, "worker_sqs_errors_total", "Failed requests to SQS, and failed entries of batches that were answered 200, by action and code.", "action", "code"),
		EmptyReceives: counter("worker_empty_receives_total", "ReceiveMessage calls that brought nothing."),
		Stranded:      counter("worker_messages_stranded_total", "Messages whose work could not be finished before the worker had to stop, and those of which SQS never said that they are deleted or visible again."),
		PollsCut:      counter("worker_polls_cut_total", "Long polls that were cut at shutdown, or whose answer was lost then; what they carried is visible again when its visibility timeout ends."),

		StateOperations: newSeries(r, "worker_state_operations_total",
			"Operations of the state store by result: ok; held by another replica; lost to another replica, a possible stale write; error.", "operation", "result"),
		StateSeconds: histogram.NewHistogramVec(prometheus.HistogramOpts{
			Name: "worker_state_seconds", Help: "Duration of the state store's operations.",
			Buckets: []float64{.00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation"}),

		SentToApplied: histogram.NewHistogram(prometheus.HistogramOpts{
			Name: "worker_sent_to_applied_seconds", Help: "From a message's SentTimestamp until its values were applied.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600},
		}),
		superseded: make(map[LostTo]prometheus.Observer),
		messaging:  newMessaging(r),
	}
	m.Gauge("api_calls_in_flight", "UpdateManagedThing calls under way.", func() float64 { return float64(m.CallsInFlight.Load()) })
	for operation, results := range StateResults {
		m.StateSeconds.WithLabelValues(operation)
		for _, result := range results {
			m.StateOperations.With(operation, result)
		}
	}
	for _, action := range SQSActions {
		m.SQSRequests.With(action, "ok")
		m.SQSRequests.With(action, "error")
		m.SQSErrors.With(action, "other") // a code has its series when it is first seen
	}
	lost := histogram.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "worker_superseded_by_seconds",
		Help:    "How much newer the value was that a superseded message lost to, by event time, and where it lost: waiting, to one that shared its call; record, to one applied before. superseded_unsure included.",
		Buckets: []float64{.001, .01, .1, 1, 10, 60, 600, 3600, 24 * 3600, 7 * 24 * 3600},
	}, []string{"where"})
	for _, where := range LostTos {
		m.superseded[where] = lost.WithLabelValues(string(where))
	}
	return m
}

// Superseded counts a message that lost to a value that is newer by that much.
func (m *Metrics) Superseded(where LostTo, by time.Duration) {
	m.superseded[where].Observe(by.Seconds())
}

// Counter registers a counter without labels whose value is read when it is asked for.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "worker_" + name, Help: help}, read))
}

// Gauge registers a gauge whose value is read when it is asked for. labels are
// names and values in turn.
func (m *Metrics) Gauge(name, help string, read func() float64, labels ...string) {
	constant := make(prometheus.Labels, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		constant[labels[i]] = labels[i+1]
	}
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "worker_" + name, Help: help, ConstLabels: constant}, read))
}
