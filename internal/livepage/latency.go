package livepage

import (
	"math"
	"slices"

	"managed-thing-updater/internal/telemetry"
)

// latencyWindow is how many seconds' calls a quantile is of: one second has too few
// at a low rate.
const latencyWindow = 15

// quantile estimates the q-quantile, in seconds, by a straight line within the
// bucket, as Prometheus's histogram_quantile does; NaN if there was no call.
func quantile(q float64, buckets []telemetry.Bucket) float64 {
	if len(buckets) == 0 {
		return math.NaN()
	}
	all := buckets[len(buckets)-1].Count
	if all == 0 {
		return math.NaN()
	}
	rank := q * float64(all)
	var from float64
	var below uint64
	for _, b := range buckets {
		if float64(b.Count) >= rank {
			if math.IsInf(b.UpTo, 1) || b.Count == below {
				return from
			}
			return from + (b.UpTo-from)*(rank-float64(below))/float64(b.Count-below)
		}
		from, below = b.UpTo, b.Count
	}
	return from
}

// latencies are the histograms of the last latencyWindow readings, oldest first.
type latencies struct{ of [][]telemetry.Bucket }

// add takes this second's histogram, and returns what came to it since the oldest.
func (l *latencies) add(is []telemetry.Bucket) []telemetry.Bucket {
	if len(l.of) > latencyWindow {
		l.of = slices.Delete(l.of, 0, 1)
	}
	l.of = append(l.of, is)
	oldest := l.of[0]
	if len(oldest) != len(is) {
		return nil
	}
	since := make([]telemetry.Bucket, len(is))
	for i, b := range is {
		since[i] = telemetry.Bucket{UpTo: b.UpTo, Count: b.Count - oldest[i].Count}
	}
	return since
}
