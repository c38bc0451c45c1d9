package app

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
)

// Metrics are what /metrics shows.
func (w *Worker) Metrics() prometheus.Gatherer { return w.metrics.Registry }

// gauges registers what is read off the parts when somebody asks.
func (w *Worker) gauges() {
	m := w.metrics
	m.Gauge("messages_held", "Messages held.", func() float64 { return float64(w.consumer.Stats().Held) })
	m.Gauge("messages_held_bytes", "Bytes of the bodies held.", func() float64 { return float64(w.consumer.Stats().HeldBytes) })
	m.Gauge("dead_letters_unstored", "Messages held whose dead letters could not be stored and are tried again.", func() float64 { return float64(w.consumer.Stats().Unstored.Messages) })
	m.Gauge("messages_undeleted", "Settled messages held that could not be deleted and are tried again.", func() float64 { return float64(w.consumer.Stats().Undeleted.Messages) })
	m.Gauge("things_waiting", "Things with an update that waits or is being sent.", func() float64 { return float64(w.backlog.Things()) })
	m.Gauge("oldest_waiting_seconds", "Age of the longest-waiting message, from its SentTimestamp.", func() float64 {
		if oldest := w.backlog.Stats().Oldest; !oldest.IsZero() {
			return secondsSince(oldest)
		}
		return 0
	})
	m.Gauge("queue_retention_seconds", "For how long the queue keeps a message, as it said at the worker's start; NaN where it did not say.", func() float64 {
		if w.queues.retention == 0 {
			return math.NaN()
		}
		return w.queues.retention.Seconds()
	})
	m.Gauge("things_without_evidence", "Things that fail without other traffic to compare with.", func() float64 { return float64(w.backlog.Stats().NoEvidence) })
	for _, reason := range pace.OpenReasons {
		m.Gauge("circuit_open", "1 while the circuit is open for this reason: nothing is received, and only probes are sent.", func() float64 {
			if s := w.circuit.State(); s.Open && s.Why == reason {
				return 1
			}
			return 0
		}, "reason", reason)
	}
	m.Gauge("state_clock_ahead_seconds", "By how much this machine's clock is ahead of DynamoDB's, below 0 behind, to a second or so; NaN with another state store.", w.stateClock.seconds)
	w.reachGauges()
	m.Gauge("useful_replicas", usefulHelp, w.usefulReplicas)
	m.Gauge("rate", "Calls a second that the worker allows itself.", w.pace.Rate)
	m.Gauge("rate_utilisation", "Calls made in the last minute, of those that the rate would have let out.", func() float64 { return w.lately().utilisation })
	m.Gauge("throttled_share", "Throttled calls, of those of the last minute.", func() float64 { return w.lately().throttled })
	m.Gauge("messages_per_call", "Messages applied or superseded for each call of the last minute.", func() float64 { return w.lately().perCall })
	m.Gauge("sqs_requests_per_message", "Requests to SQS for each message that got its outcome in the last minute; 0 without messages.", func() float64 { return w.lately().perMessage })
	m.Gauge("drain_seconds", "About how long the calls for all that waits will take; NaN while the circuit is open and during a pause.", func() float64 {
		if seconds, ok := w.drain(w.lately()); ok {
			return seconds
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
