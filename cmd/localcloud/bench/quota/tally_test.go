package quota

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// others begins the names of the things that another program updates.
const others = "other-"

// figures are what a course measured, by name.
type figures map[string]float64

// usual are the figures of most courses.
func (r *run) usual(y tally) figures {
	_, most := r.cloud.SQS.Receives(r.queue)
	return figures{throttled: y.throttled(0), lettered: float64(len(r.letters())), received: float64(most)}
}

// tally is what the API saw of the workers.
type tally struct {
	calls []localcloud.Call // in the order of arrival
	start time.Time         // of the first, which is when its token was given
}

func (r *run) tally() tally {
	calls := slices.DeleteFunc(slices.Clone(r.cloud.Things.Calls()), func(c localcloud.Call) bool { return strings.HasPrefix(c.Thing, others) })
	return tally{calls, calls[0].At}
}

// othersApplied is how many calls of the other program were applied.
func (r *run) othersApplied() float64 {
	n := 0
	for _, c := range r.cloud.Things.Calls() {
		if c.Applied && strings.HasPrefix(c.Thing, others) {
			n++
		}
	}
	return float64(n)
}

// last is when the last call was applied, since the first one's start.
func (y tally) last() time.Duration {
	var last time.Duration
	for _, c := range y.calls {
		if c.Applied {
			last = max(last, c.AppliedAt.Sub(y.start))
		}
	}
	return last
}

// applied is how many calls were applied between two moments since the first
// call's start.
func (y tally) applied(from, to time.Duration) float64 {
	n := 0
	for _, c := range y.calls {
		if at := c.AppliedAt.Sub(y.start); c.Applied && at >= from && at <= to {
			n++
		}
	}
	return float64(n)
}

// throttled is the throttled share of the calls that started from a moment on.
func (y tally) throttled(from time.Duration) float64 {
	all, throttled := 0, 0
	for _, c := range y.calls {
		if c.At.Sub(y.start) < from {
			continue
		}
		all++
		if c.Status == http.StatusTooManyRequests {
			throttled++
		}
	}
	return float64(throttled) / float64(max(1, all))
}

// between are the calls that started after one moment and before another.
func (y tally) between(after, before time.Time) []localcloud.Call {
	return slices.DeleteFunc(slices.Clone(y.calls), func(c localcloud.Call) bool { return !c.At.After(after) || !c.At.Before(before) })
}

// thickest is the most calls that started within less than a second.
func thickest(calls []localcloud.Call) float64 {
	most := 0
	for i, first := range calls {
		n := 0
		for _, c := range calls[i:] {
			if c.At.Sub(first.At) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return float64(most)
}

// opening is the end of the call, at or after from, whose failure was the one that
// things different things needed, with no success between them. ok is false if
// there was none.
func (y tally) opening(from time.Time, things int) (at time.Time, ok bool) {
	ended := slices.DeleteFunc(slices.Clone(y.calls), func(c localcloud.Call) bool { return c.End.Before(from) })
	slices.SortStableFunc(ended, func(a, b localcloud.Call) int { return cmp.Compare(a.End.UnixNano(), b.End.UnixNano()) })
	failed := map[string]bool{}
	for _, c := range ended {
		switch c.Status {
		case http.StatusNoContent:
			clear(failed)
		case http.StatusTooManyRequests:
		default:
			failed[c.Thing] = true
		}
		if len(failed) == things {
			return c.End, true
		}
	}
	return time.Time{}, false
}

// granted is how many calls the API would have let through in a time: the quota's
// and one burst, a second's quota; or what the concurrency allows.
func (r *run) granted(quota float64, t time.Duration) float64 {
	return min(quota*t.Seconds()+quota, float64(r.cfg.Concurrency)/latency.Seconds()*t.Seconds())
}

// utilisation is applied over granted, between two moments since the first call's
// token.
func (r *run) utilisation(y tally, quota float64, from, to time.Duration) float64 {
	return y.applied(from, to) / r.granted(quota, to-from)
}
