package livepage

import (
	"math"
	"slices"
	"strconv"
	"time"

	"managed-thing-updater/internal/telemetry"
)

// Reading is the worker at one moment. Counts are since the worker's start.
type Reading struct {
	Status any // shown as it is, as JSON: no sensitive value and no credential
	Hot    func() any

	Received, Applied, Superseded, Other, DeadLettered int // messages; Other is duplicate and unchanged
	Calls, Throttled, Failed                           int // API calls; Failed is neither granted nor throttled
	Latency                                            []telemetry.Bucket

	Rate          float64 // calls a second
	Held, Things  int
	OldestSeconds float64
	CircuitOpen   bool
	Paused        bool
}

// columns of a point, in their order. What is counted is by the second, latency in
// milliseconds.
var columns = []string{
	"t", "rate", "calls", "throttled", "failed",
	"received", "applied", "superseded", "other", "dead_lettered",
	"held", "things", "oldest", "p50", "p95", "held_back",
}

// point is what the charts show of one second: a value a column, NaN where there is
// none.
type point [16]float64

// Why calls are held back, the last column.
const (
	notHeldBack = 0
	circuitOpen = 1
	isPaused    = 2
)

func newPoint(before, is Reading, t time.Time, took time.Duration, latency []telemetry.Bucket) point {
	seconds := max(took.Seconds(), 1e-3)
	rate := func(before, is int) float64 { return max(0, float64(is-before)) / seconds }
	heldBack := float64(notHeldBack)
	switch {
	case is.Paused:
		heldBack = isPaused
	case is.CircuitOpen:
		heldBack = circuitOpen
	}
	return point{
		float64(t.UnixMilli()) / 1000, is.Rate,
		rate(before.Calls, is.Calls), rate(before.Throttled, is.Throttled), rate(before.Failed, is.Failed),
		rate(before.Received, is.Received), rate(before.Applied, is.Applied), rate(before.Superseded, is.Superseded),
		rate(before.Other, is.Other), rate(before.DeadLettered, is.DeadLettered),
		float64(is.Held), float64(is.Things), is.OldestSeconds,
		1000 * quantile(0.50, latency), 1000 * quantile(0.95, latency), heldBack,
	}
}

// appendJSON writes a point as an array, null for NaN.
func (p point) appendJSON(b []byte) []byte {
	b = append(b, '[')
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
	return append(b, ']')
}

// history is the points of the last 15 minutes, oldest first.
type history struct {
	points []point
	next   int // where the next one goes, once it is full
}

const historyLength = 15 * 60

func (h *history) add(p point) {
	if len(h.points) < historyLength {
		h.points = append(h.points, p)
		return
	}
	h.points[h.next] = p
	h.next = (h.next + 1) % historyLength
}

func (h *history) all() []point { return slices.Concat(h.points[h.next:], h.points[:h.next]) }
