package status

import (
	"math"

	"managed-thing-updater/internal/pace"
)

// gauges registers what is read off the parts when it is asked for.
func (r *Reporter) gauges(p *Parts) {
	m := r.of.Metrics
	m.Gauge("messages_held", "Messages held.", func() float64 { return float64(p.Consumer.Stats().Held) })
	m.Gauge("messages_held_bytes", "Bytes of the bodies held.", func() float64 { return float64(p.Consumer.Stats().HeldBytes) })
	m.Gauge("dead_letters_unstored", "Messages held whose dead letters could not be stored and are tried again.", func() float64 { return float64(p.Consumer.Stats().Unstored.Messages) })
	m.Gauge("messages_undeleted", "Settled messages held that could not be deleted and are tried again.", func() float64 { return float64(p.Consumer.Stats().Undeleted.Messages) })
	m.Gauge("things_waiting", "Things with an update that waits or is being sent.", func() float64 { return float64(r.of.Backlog.Things()) })
	m.Gauge("oldest_waiting_seconds", "Age of the longest-waiting message, from its SentTimestamp.", func() float64 {
		if oldest := r.of.Backlog.Stats().Oldest; !oldest.IsZero() {
			return secondsSince(oldest)
		}
		return 0
	})
	m.Gauge("queue_retention_seconds", "For how long the queue keeps a message, as it said at the worker's start; NaN where it did not say.", func() float64 {
		if p.Retention == 0 {
			return math.NaN()
		}
		return p.Retention.Seconds()
	})
	m.Gauge("things_without_evidence", "Things that fail without other traffic to compare with.", func() float64 { return float64(r.of.Backlog.Stats().NoEvidence) })
	for _, reason := range pace.OpenReasons {
		m.Gauge("circuit_open", "1 while the circuit is open for this reason: nothing is received, and only probes are sent.", func() float64 {
			if s := r.of.Circuit.State(); s.Open && s.Why == reason {
				return 1
			}
			return 0
		}, "reason", reason)
	}
	m.Gauge("state_clock_ahead_seconds", "By how much this machine's clock is ahead of DynamoDB's, below 0 behind, to a second or so; NaN with another state store.", r.stateClock.seconds)
	r.reachGauges(m)
	m.Gauge("useful_replicas", usefulHelp, r.usefulReplicas)
	m.Gauge("rate", "Calls a second that the worker allows itself.", p.Pace.Rate)
	m.Gauge("rate_utilisation", "Calls made in the last minute, of those that the rate would have let out.", func() float64 { return r.shares().utilisation })
	m.Gauge("throttled_share", "Throttled calls, of those of the last minute.", func() float64 { return r.shares().throttled })
	m.Gauge("messages_per_call", "Messages applied or superseded for each call of the last minute.", func() float64 { return r.shares().perCall })
	m.Gauge("sqs_requests_per_message", "Requests to SQS for each message that got its outcome in the last minute; 0 without messages.", func() float64 { return r.shares().perMessage })
	m.Gauge("drain_seconds", "About how long the calls for all that waits will take; NaN while the circuit is open and during a pause.", func() float64 {
		if seconds, ok := r.drain(r.shares()); ok {
			return seconds
		}
		return math.NaN()
	})
}
