package pace

import (
	"math"
	"time"
)

const (
	// MinRate is the slowest pace, in calls a second: one call in ten seconds
	// still finds out that the door is open again.
	MinRate = 0.1
	// MaxHold is the longest that a server's Retry-After holds every call back.
	MaxHold = time.Minute

	tick      = time.Millisecond      // the shortest sleep: above 1000 a second tokens go out in clumps
	epsilon   = 1e-9                  // of a token: the rounding of durations to nanoseconds
	burstTime = 50 * time.Millisecond // of the rate that may gather while nobody asks
)

// law is a rule for the rate: what it is now, and how it follows from the ends of
// calls. Times are since the pace was made. It is pure: the same reports give the
// same rates, and the simulator runs what the worker runs.
type law interface {
	// rate is in calls a second, never below MinRate.
	rate() float64
	// report tells the end of a call that was let out at given. idle is how long,
	// since the last report, tokens were there and nobody asked.
	report(now, given time.Duration, r Result, idle time.Duration)
}

// gate is the token bucket that keeps calls to a law's rate. It gathers at most
// max(1, rate/20) tokens while nobody asks, so that a low rate goes out evenly and
// a high one survives coarse timers. It is pure, as the law is.
type gate struct {
	law    law
	tokens float64
	filled time.Duration   // when tokens was true; in the future during a hold
	idle   time.Duration   // since the last report, with a full bucket and nobody there
	given  []time.Duration // when each token under way was given, oldest first
}

// newGate makes a full gate.
func newGate(l law) gate {
	g := gate{law: l}
	g.tokens = g.burst()
	return g
}

func (g *gate) burst() float64 { return max(1, g.law.rate()*burstTime.Seconds()) }

// fill adds the tokens that have come due. While callers wait, a token more than
// the burst may gather: a timer that fires late costs nothing of the rate.
func (g *gate) fill(now time.Duration, waiting bool) {
	passed := now - g.filled
	if passed <= 0 {
		return
	}
	g.filled = now
	rate, room := g.law.rate(), g.burst()
	if waiting {
		room++
	}
	room = max(room, g.tokens)
	full := g.tokens + passed.Seconds()*rate
	if full > room && !waiting {
		g.idle += time.Duration((full - room) / rate * float64(time.Second))
	}
	g.tokens = min(room, full)
}

// settle forgets the extra token once nobody waits any more.
func (g *gate) settle() { g.tokens = min(g.tokens, g.burst()) }

// take takes a token if one is there and no hold is on, after fill.
func (g *gate) take(now time.Duration) bool {
	if g.tokens < 1-epsilon || g.filled > now {
		return false
	}
	g.tokens = max(0, g.tokens-1)
	g.given = append(g.given, now)
	return true
}

// due is how long after now the next token is there if nothing changes.
func (g *gate) due(now time.Duration) time.Duration {
	need := max(0, 1-g.tokens)
	return max(tick, g.filled-now+time.Duration(math.Ceil(need/g.law.rate()*float64(time.Second))))
}

// giveBack takes back an unused token: the one that was given last.
func (g *gate) giveBack() {
	if n := len(g.given); n > 0 {
		g.given = g.given[:n-1]
	}
	g.tokens = min(g.tokens+1, g.burst()+1)
}

// report passes the end of a call on to the law and honours the server's wish,
// after fill.
//
// Which token the call had is not known, and the oldest under way is taken for
// it. The mean of the latencies is the same whichever way they are paired, and as
// many throttles are laid to calls let out before a cut as such calls were.
func (g *gate) report(now time.Duration, r Result, retryAfter time.Duration) {
	given := now
	if len(g.given) > 0 {
		given = g.given[0]
		g.given = g.given[1:]
	}
	before := g.law.rate()
	g.law.report(now, given, r, g.idle)
	g.idle = 0
	if g.law.rate() < before {
		g.tokens = min(g.tokens, 1)
	}
	if r == Throttled && retryAfter > 0 {
		g.filled = max(g.filled, now+min(retryAfter, MaxHold))
		g.tokens = min(g.tokens, 1)
	}
}
