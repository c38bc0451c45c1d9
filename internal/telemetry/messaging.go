package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/queueurl"
)

// The metrics that OpenTelemetry's conventions for messaging give a consumer of
// SQS, by their names in Prometheus
// (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/).

// System is messaging.system.
const System = "aws_sqs"

// operation is one messaging operation as the conventions see it.
type operation struct{ name, kind string }

// operations are those of the conventions that the worker has, by SQS action.
var operations = map[string]operation{
	"ReceiveMessage":               {"receive", "receive"},
	"DeleteMessageBatch":           {"delete", "settle"},
	"ChangeMessageVisibilityBatch": {"change_visibility", "settle"},
	"SendMessageBatch":             {"send", "send"},
}

type messaging struct {
	consumed *Series                  // system, operation, destination
	duration *prometheus.HistogramVec // system, operation, its type, destination, error
	process  *prometheus.HistogramVec // the same without the type
}

const (
	systemLabel      = "messaging_system"
	operationLabel   = "messaging_operation_name"
	kindLabel        = "messaging_operation_type"
	destinationLabel = "messaging_destination_name"
	errorLabel       = "error_type"
)

func newMessaging(r *prometheus.Registry) messaging {
	histogram := promauto.With(r)
	return messaging{
		consumed: newSeries(r, "messaging_client_consumed_messages_total", "Messages that receives brought, those received again included.",
			systemLabel, operationLabel, destinationLabel),
		duration: histogram.NewHistogramVec(prometheus.HistogramOpts{
			Name: "messaging_client_operation_duration_seconds", Help: "Duration of requests to SQS; a receive takes as long as its long poll waits.",
			Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20},
		}, []string{systemLabel, operationLabel, kindLabel, destinationLabel, errorLabel}),
		process: histogram.NewHistogramVec(prometheus.HistogramOpts{
			Name: "messaging_process_duration_seconds", Help: "From the receive of a message until its outcome, its wait included. error_type is the reason of a dead letter.",
			Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 60, 600, 3600},
		}, []string{systemLabel, operationLabel, destinationLabel, errorLabel}),
	}
}

// QueueMetrics are the messaging metrics of one queue. A nil one counts nothing.
type QueueMetrics struct {
	messaging
	name string
}

// Source are the messaging metrics of the queue that messages are received from.
func (m *Metrics) Source(queueURL string) *QueueMetrics {
	q := m.queue(queueURL, "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
	q.Consumed(0)
	q.processed("")
	for _, reason := range message.Reasons {
		q.processed(reason)
	}
	return q
}

// DeadLetterQueue are the messaging metrics of the queue that letters go to.
func (m *Metrics) DeadLetterQueue(queueURL string) *QueueMetrics {
	return m.queue(queueURL, "SendMessageBatch")
}

func (m *Metrics) queue(queueURL string, actions ...string) *QueueMetrics {
	q := &QueueMetrics{m.messaging, queueurl.Name(queueURL)}
	for _, action := range actions {
		q.requested(operations[action], "")
		q.requested(operations[action], "error")
	}
	return q
}

// Consumed counts messages that a receive brought.
func (q *QueueMetrics) Consumed(n int) {
	if q != nil {
		q.consumed.With(System, "receive", q.name).Add(n)
	}
}

// Requested takes down how long a request to SQS took, and whether it, or an entry of
// its batch, failed.
func (q *QueueMetrics) Requested(action string, took time.Duration, failed bool) {
	op, known := operations[action]
	if q == nil || !known {
		return
	}
	fault := ""
	if failed {
		fault = "error" // its code stands in the log
	}
	q.requested(op, fault).Observe(took.Seconds())
}

func (q *QueueMetrics) requested(op operation, fault string) prometheus.Observer {
	return q.duration.WithLabelValues(System, op.name, op.kind, q.name, fault)
}

// Processed takes down how long a message was held until its outcome; reason is
// empty but for a dead letter.
func (q *QueueMetrics) Processed(took time.Duration, reason message.Reason) {
	if q != nil {
		q.processed(reason).Observe(took.Seconds())
	}
}

func (q *QueueMetrics) processed(reason message.Reason) prometheus.Observer {
	return q.process.WithLabelValues(System, "process", q.name, string(reason))
}
