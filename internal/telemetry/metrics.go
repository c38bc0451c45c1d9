// Package telemetry holds what the worker says about itself: logs, metrics and
// health. Names of log fields and metrics stand here and nowhere else.
package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"managed-thing-updater/internal/message"
)

// Metrics are the worker's counters and gauges. Every series with a closed set
// of label values exists, at 0, from the start.
type Metrics struct {
	Registry *prometheus.Registry

	Received          prometheus.Counter
	ReceivedAgain     prometheus.Counter     // while the same message was held
	Settled           *prometheus.CounterVec // outcome
	DeadLetters       *prometheus.CounterVec // reason
	LettersNoTime     prometheus.Counter
	EventTimesIgnored *prometheus.CounterVec // why
	Merged            prometheus.Counter     // messages that shared a call with others

	Calls         *prometheus.CounterVec // result, a CallResult
	CallSeconds   prometheus.Histogram
	CallsInFlight prometheus.Gauge
	Attempts      *prometheus.CounterVec // counted: yes, trouble, no_evidence

	StateSeconds    *prometheus.HistogramVec // operation
	StateOperations *prometheus.CounterVec   // operation, result: ok, held, lost, error

	LeasesRenewed prometheus.Counter
	LeasesLost    prometheus.Counter
	SQSRequests   *prometheus.CounterVec // action, result
	EmptyReceives prometheus.Counter
	Stranded      prometheus.Counter
	PollsCut      prometheus.Counter
}

// CallResult is how an API call ended. A closed set.
type CallResult string

const (
	CallOK          CallResult = "ok"
	CallThrottled   CallResult = "throttled"
	CallRejected    CallResult = "rejected"
	CallTooLarge    CallResult = "too_large"
	CallNotFound    CallResult = "not_found"
	CallDenied      CallResult = "denied"
	CallConflict    CallResult = "conflict"
	CallInternal    CallResult = "internal"
	CallUnavailable CallResult = "unavailable"
	CallTimeout     CallResult = "timeout"
	CallConnection  CallResult = "connection"
	CallCaller      CallResult = "caller" // credentials, signature, clock: nothing to do with the thing
	CallOther       CallResult = "other"
)

// CallResults lists every CallResult.
var CallResults = []CallResult{
	CallOK, CallThrottled, CallRejected, CallTooLarge, CallNotFound, CallDenied, CallConflict,
	CallInternal, CallUnavailable, CallTimeout, CallConnection, CallCaller, CallOther,
}

// SQSActions lists the actions of SQS that the worker uses.
var SQSActions = []string{
	"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch", "GetQueueAttributes", "GetQueueUrl",
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

// NewMetrics makes the metrics in a registry of their own, beside those of the
// Go runtime and the process.
func NewMetrics() *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry()}
	m.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "worker_" + name, Help: help})
		m.Registry.MustRegister(c)
		return c
	}
	vec := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "worker_" + name, Help: help}, []string{label})
		m.Registry.MustRegister(v)
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	m.Received = counter("messages_received_total", "Messages received, a message received again while it is held left out.")
	m.ReceivedAgain = counter("messages_received_again_total", "Receives of a message that was held already; the newest receipt handle is used.")
	m.Settled = vec("messages_settled_total", "Messages by what became of them.", "outcome", texts(message.Outcomes)...)
	m.DeadLetters = vec("dead_letters_total", "Messages stored in the dead-letter queue by reason.", "reason", texts(message.Reasons)...)
	m.LettersNoTime = counter("dead_letters_without_time_total", "Dead letters with no room for OccurredAt and no time in their body.")
	m.EventTimesIgnored = vec("event_times_ignored_total", "Event times that were not believed, by why.", "why", texts(message.TimeFaults)...)
	m.Merged = counter("messages_merged_total", "Messages settled by a call that carried other messages too, the first of each call left out.")
	m.Calls = vec("api_calls_total", "UpdateManagedThing calls by how they ended.", "result", texts(CallResults)...)
	m.CallSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "worker_api_call_seconds", Help: "Duration of UpdateManagedThing calls.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	})
	m.CallsInFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: "worker_api_calls_in_flight", Help: "UpdateManagedThing calls under way."})
	m.Registry.MustRegister(m.CallSeconds, m.CallsInFlight)
	m.Attempts = vec("failed_attempts_total", "Failed calls by whether they count against the update: yes; trouble, while other things fail as well; no_evidence, without other traffic to compare with.", "counted", "yes", "trouble", "no_evidence")
	m.StateSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "worker_state_seconds", Help: "Duration of the state store's operations.",
		Buckets: []float64{.00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"operation"})
	m.StateOperations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "worker_state_operations_total", Help: "Operations of the state store by result: ok; held by another replica; lost to another replica, a possible stale write; error.",
	}, []string{"operation", "result"})
	m.Registry.MustRegister(m.StateSeconds, m.StateOperations)
	for operation, results := range map[string][]string{StateAcquire: {StateOK, StateHeld, StateError}, StateFinish: {StateOK, StateLost, StateError}} {
		m.StateSeconds.WithLabelValues(operation)
		for _, result := range results {
			m.StateOperations.WithLabelValues(operation, result)
		}
	}
	m.LeasesRenewed = counter("leases_renewed_total", "Visibility timeouts extended, one for each message.")
	m.LeasesLost = counter("leases_lost_total", "Leases that ran out or were taken away while the message was held.")
	m.SQSRequests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "worker_sqs_requests_total", Help: "Requests to SQS by action and result."}, []string{"action", "result"})
	m.Registry.MustRegister(m.SQSRequests)
	for _, action := range SQSActions {
		m.SQSRequests.WithLabelValues(action, "ok")
		m.SQSRequests.WithLabelValues(action, "error")
	}
	m.EmptyReceives = counter("empty_receives_total", "ReceiveMessage calls that brought nothing.")
	m.Stranded = counter("messages_stranded_total", "Messages whose work could not be finished before the worker had to stop.")
	m.PollsCut = counter("polls_cut_total", "Long polls cut at shutdown; what they carried is visible again when its visibility timeout ends.")
	return m
}

// Gauge registers a gauge whose value is read when it is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "worker_" + name, Help: help}, read))
}

func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}
