// Package pace decides when the next API call may go out.
//
// The quota is ten calls a second for a whole account and Region, other callers
// share it, and it may be raised without notice: so the rate is what is adapted,
// never the number of calls under way. Learned finds the quota by itself.
//
// # How the quota is found
//
// A service's quota is a token bucket: what it has saved up, often a second's
// worth, hides the limit from a caller that goes over it, and lets one that was below
// it catch up. No quota is wasted if that bucket is never full; few calls are wasted
// if it is seldom empty. So the rate swings a little around the
// limit, by 17%, and a single throttle a swing is the price of knowing where the
// limit is. Three rules:
//
//   - Ramp: double the rate every 0.3 s (or 4 latencies) until the first throttle,
//     then search for the limit by halves, as BIC-TCP does.
//   - Cut: 17% on a throttle. Only a throttle of a call let out since the last cut
//     counts, so a burst from calls under way is one event; if more of the calls let
//     out since are throttled, their share says how far to fall.
//   - Grow: so as to make good for a cut in about 9 s (fewer where the rate is high
//     and a throttle is cheap), slowly at first and ever faster while none comes, as
//     in CUBIC and H-TCP: that is how a raised quota is found within seconds.
//
// Growth is credited only for time in which tokens were taken as they came due and
// calls were let through: neither a quiet hour nor a service in trouble raises the
// rate. Replicas that do not know each other come to the same rate, because the
// faster one is throttled more often and grows by the same share. That is AIMD's
// rule, in proportion to the rate, so that it works at 1 and at 1,000 a second.
// Below 8 a second each, they become less equal, for fewer throttles.
//
// # What decided it
//
// A simulator in virtual time runs the same code as the worker (BenchmarkQuota
// prints the table: utilisation, throttled share, Jain's index; medians of 5 seeds):
//
//	situation                 fixed 10/s        AIMD              CUBIC (SDK)       BBR               learned
//	10/s, calls of 50 ms      98.4% 0.0%        99.5% 2.6%        92.3% 3.8%        99.7% 17.6%       99.2% 1.9%
//	100/s, calls of 50 ms     9.8% 0.0%         39.3% 0.0%        88.3% 0.4%        97.1% 14.6%       98.7% 1.8%
//	1000/s, calls of 5 ms     1.0% 0.0%         3.9% 0.0%         82.8% 0.0%        92.1% 16.6%       97.4% 0.2%
//	30 to 300/s, s 10 to 20   3.3%              15.0%             104.9%            18.0%             100.1%
//	3 replicas at 30/s        100% 0.0% 1.00    100% 2.7% 1.00    100% 4.2% 0.99    100% 13.5% 0.93   100% 1.5% 0.99
//	8 replicas at 10/s        100% 26.7% 0.97   100% 38.2% 0.99   100% 31.6% 0.98   100% 37.6% 0.86   100% 7.6% 0.79
//	half of 10/s another's    103% 5.1%         108% 8.0%         108% 8.4%         130% 25.4%        103% 3.6%
//
// AIMD's fixed step is too large at 10 a second and too small at 1,000. CUBIC, as in
// the SDK's adaptive mode, has its times in seconds, not in calls, and cuts so deep
// that the service's bucket overflows. BBR's gains are meant for a queue that delays;
// here it refuses, and what the bucket has saved up passes for bandwidth. Limits of
// concurrency (Netflix) follow latency, which a quota does not change. GCRA is the
// token bucket that lets calls out evenly, which is what tokenBucket does.
//
// What it cannot do: with slow calls a throttle is heard late, and finding a quota
// costs time and calls. In the first minute at 10 a second with calls of 2 s, 91% is
// used and 6% is throttled; at 100 a second with calls of 0.5 s, 84% and 1%.
package pace

import (
	"context"
	"time"
)

// Pace hands out permission for API calls, one token a call, at a rate it
// learns from how calls end. Safe for use by many goroutines.
type Pace interface {
	// Wait blocks until one call may go out, in the order of the callers. It
	// returns the context's cause, and no token, when ctx ends first.
	Wait(ctx context.Context) error
	// Return gives an unused token back: nothing was left to send.
	Return()
	// Report tells how a call that Wait permitted ended. A throttled call's
	// retryAfter is how long the server asks to wait, zero if it does not.
	Report(r Result, retryAfter time.Duration)
	// Rate is the current rate in calls a second.
	Rate() float64
}

// Result is what a finished call says about the quota.
type Result int

const (
	Granted   Result = iota // the API let the call through, whatever it thought of its values
	Throttled               // the API's quota refused it
	NoAnswer                // neither: time-out, broken connection, the service's own trouble
)
