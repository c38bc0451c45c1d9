package livepage

import (
	"math"
	"strconv"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
)

// columns of a point, in their order. What is counted is by the second, latency in
// milliseconds.
var columns = []string{
	"t", "rate", "calls", "throttled", "failed",
	"received", "applied", "superseded", "other", "dead_lettered",
	"held", "things", "oldest", "p50", "p95", "held_back",
}

// point is what the charts show of one second: a value a column, NaN if there is
// none.
type point [16]float64

// Why calls are held back, the last column.
const (
	notHeldBack = 0
	circuitOpen = 1
	isPaused    = 2
)

func newPoint(before, is status.Status, t time.Time, took time.Duration, latency []telemetry.Bucket) point {
	seconds := max(took.Seconds(), 1e-3)
	rate := func(count func(status.Status) int) float64 { return max(0, float64(count(is)-count(before))) / seconds }
	with := func(outcomes ...message.Outcome) float64 {
		return rate(func(s status.Status) int { return s.Messages.With(outcomes...) })
	}
	heldBack := float64(notHeldBack)
	switch {
	case is.State == status.Paused:
		heldBack = isPaused
	case is.Circuit.Open:
		heldBack = circuitOpen
	}
	return point{
		float64(t.UnixMilli()) / 1000, is.Pace.Rate,
		rate(func(s status.Status) int { return s.Calls.Ended() }),
		rate(func(s status.Status) int { return s.Calls.Throttled() }),
		rate(func(s status.Status) int { return s.Calls.Failed() }),
		rate(func(s status.Status) int { return s.Messages.Received }),
		with(message.Applied), with(message.Superseded, message.Unsure),
		with(message.Duplicate, message.Unchanged), with(message.DeadLettered),
		float64(is.Messages.Held), float64(is.Backlog.Things), is.Backlog.OldestSeconds,
		1000 * quantile(0.50, latency), 1000 * quantile(0.95, latency), heldBack,
	}
}

// MarshalJSON writes a point as an array, null for NaN.
func (p point) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range p {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, math.Round(v*1000)/1000, 'f', -1, 64)
	}
	return append(b, ']'), nil
}

// historyLength is how many points are kept: 15 minutes.
const historyLength = 15 * 60
