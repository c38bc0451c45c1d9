package pace

import (
	"math"
	"time"
)

const (
	// MinRate is the slowest pace, in calls a second: one call in ten seconds
	// still finds out that the API grants calls again.
	MinRate = 0.1
	// MaxHold is the longest that a server's Retry-After holds every call back.
	MaxHold = time.Minute

	tick      = time.Millisecond      // the shortest sleep: above 1000 a second tokens go out in clumps
	epsilon   = 1e-9                  // of a token: the rounding of durations to nanoseconds
	burstTime = 50 * time.Millisecond // of the rate that may gather while no caller waits
)

// rateLaw is a rule for the rate: what it is now, and how it follows from the ends of
// calls. Times are since the pace was made. It is pure: the same reports give the
// same rates, and the simulator runs what the worker runs.
type rateLaw interface {
	// rate is in calls a second, never below MinRate.
	rate() float64
	// report tells the end of a call that was let out at given. idle is how long,
	// since the last report, tokens were there and no caller.
	report(now, given time.Duration, r Result, idle time.Duration)
}

// tokenBucket keeps calls to a law's rate. It gathers at most
// max(1, rate/20) tokens while no caller waits, so that a low rate goes out evenly and
// a high one survives coarse timers. It is pure, as the law is.
type tokenBucket struct {
	law    rateLaw
	tokens float64
	filled time.Duration   // the time at which tokens is right; in the future during a hold
	idle   time.Duration   // since the last report, with a full bucket and no caller
	given  []time.Duration // when each token under way was given, oldest first
}

// newTokenBucket makes a full bucket.
func newTokenBucket(l rateLaw) tokenBucket {
	b := tokenBucket{law: l}
	b.tokens = b.burst()
	return b
}

func (b *tokenBucket) burst() float64 { return max(1, b.law.rate()*burstTime.Seconds()) }

// fill adds the tokens that have come due. While callers wait, a token more than
// the burst may gather: a timer that fires late costs nothing of the rate.
func (b *tokenBucket) fill(now time.Duration, waiting bool) {
	passed := now - b.filled
	if passed <= 0 {
		return
	}
	b.filled = now
	rate, room := b.law.rate(), b.burst()
	if waiting {
		room++
	}
	room = max(room, b.tokens)
	full := b.tokens + passed.Seconds()*rate
	if full > room && !waiting {
		b.idle += time.Duration((full - room) / rate * float64(time.Second))
	}
	b.tokens = min(room, full)
}

// settle forgets the extra token when no caller waits any more.
func (b *tokenBucket) settle() { b.tokens = min(b.tokens, b.burst()) }

// take takes a token if one is there and no hold is on, after fill.
func (b *tokenBucket) take(now time.Duration) bool {
	if b.tokens < 1-epsilon || b.filled > now {
		return false
	}
	b.tokens = max(0, b.tokens-1)
	b.given = append(b.given, now)
	return true
}

// due is how long after now the next token is there if nothing changes.
func (b *tokenBucket) due(now time.Duration) time.Duration {
	need := max(0, 1-b.tokens)
	return max(tick, b.filled-now+time.Duration(math.Ceil(need/b.law.rate()*float64(time.Second))))
}

// giveBack takes back an unused token: the one that was given last.
func (b *tokenBucket) giveBack() {
	if n := len(b.given); n > 0 {
		b.given = b.given[:n-1]
	}
	b.tokens = min(b.tokens+1, b.burst()+1)
}

// report passes the end of a call on to the law, and waits as long as the server asks.
// It is called after fill.
//
// It is not known which token the call had: the oldest under way stands for it. The
// mean of the latencies is the same however they are paired, and so is the number of
// calls that count as let out before a cut.
func (b *tokenBucket) report(now time.Duration, r Result, retryAfter time.Duration) {
	given := now
	if len(b.given) > 0 {
		given = b.given[0]
		b.given = b.given[1:]
	}
	before := b.law.rate()
	b.law.report(now, given, r, b.idle)
	b.idle = 0
	if b.law.rate() < before {
		b.tokens = min(b.tokens, 1)
	}
	if r == Throttled && retryAfter > 0 {
		b.filled = max(b.filled, now+min(retryAfter, MaxHold))
		b.tokens = min(b.tokens, 1)
	}
}
