package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// The seeker's numbers. They were found in the simulator, by the table of
// BenchmarkQuota and the thresholds of its tests, and hang together: change one,
// and look at both.
const (
	// No ceiling is this one: the rate stays a number, whatever is granted.
	maxRate = 1e6

	// While it ramps, the rate doubles in doubling, or in rampLatencies latencies
	// where those are longer: what is sent past the limit before the first throttle
	// is heard is bounded by the growth in one latency.
	doubling      = 0.3 // seconds
	rampLatencies = 4

	// A ramp's end is searched for by halves, as BIC-TCP does: cut in half until a
	// cut stays unthrottled, then back up between the two last rates.
	rampCut  = 0.5
	rampBack = 0.7 // of the last rate that was throttled

	// One throttle takes cut of the rate, give or take a fifth, so that replicas
	// fall out of step.
	cut       = 0.17
	cutSpread = 0.2

	// The growth is such that it makes good for a cut in 1/often seconds: so often
	// the seeker pays one throttle to know where the limit is. Below lowKnee it
	// pays less often, or the throttled share would grow as the rate falls; above
	// highKnee more often, since there it is cheap, to notice sooner what changed.
	// In between it pays equally often at every rate, which is what makes replicas
	// meet: the faster one meets more throttles and gains no more between them.
	often                 = 0.11 // a second
	lowKnee, lowPower     = 8, 0.3
	highKnee, highPower   = 15, 0.7
	oftenMax              = 0.4
	oftenLatency          = 0.03 // divided by the latency: thirty of them between two throttles, but not rarer than often
	steady, late, latePow = 0.6, 0.4, 3
	lateMax               = 4 // of the time that a cut takes to be made good for

	// After a cut, what is throttled of the calls let out since says how far above
	// the limit the rate still is. It is believed of watchCalls answers, or those of
	// watchTime; with one throttle among them the cut was enough, up to the end of
	// the watch.
	watchCalls    = 20
	watchTime     = 300 * time.Millisecond
	watchEndCalls = 40
	watchEndTime  = 500 * time.Millisecond
	watchMargin   = 0.03
	watchCutMax   = 0.5

	// Growth stops where a tenth of the tokens find nobody: the rate is then not
	// what limits the calls, and that they all succeed says nothing about it.
	idleStop   = 0.1
	idleMemory = 0.3 // seconds
)

// seeker is the law of Learned. See the package comment for why it is so.
type seeker struct {
	ceiling float64
	rand    *rand.Rand

	now     float64 // calls a second
	ramping bool
	goal    float64       // where a ramp ends; +Inf: at the first throttle
	grown   time.Duration // until when growth is credited
	idle    float64       // share of the time in which nobody asked, lately
	latency float64       // of a call, seconds, smoothed; 0 before the first answer

	cutAt     time.Duration // the last cut; -1 before the first
	since     float64       // seconds of growth since
	answers   int           // since, to calls let out since
	throttles int           // of them
	search    bool          // the cuts are those of a ramp's end
}

// newSeeker starts to ramp at start calls a second. top is the ceiling, 0 or less
// for none.
func newSeeker(start, top float64, r *rand.Rand) *seeker {
	if !(top > 0) {
		top = maxRate
	}
	if math.IsNaN(start) {
		start = MinRate
	}
	s := &seeker{ceiling: max(MinRate, min(top, maxRate)), rand: r, ramping: true, goal: math.Inf(1), cutAt: -1}
	s.set(start)
	return s
}

func (s *seeker) rate() float64 { return s.now }

func (s *seeker) set(rate float64) { s.now = min(s.ceiling, max(MinRate, rate)) }

// restart ramps up from rate to what was learned before. A ramp that it interrupts keeps
// its goal: that was learned, and the rate of the moment was not.
func (s *seeker) restart(now time.Duration, rate float64) {
	if math.IsNaN(rate) || rate >= s.now {
		return
	}
	if s.ramping {
		s.goal = max(s.goal, s.now)
	} else {
		s.ramping, s.goal = true, s.now
	}
	s.set(rate)
	s.begin(now)
	s.search = false
}

// begin starts the watch: only calls let out from now on count.
func (s *seeker) begin(now time.Duration) {
	s.cutAt, s.grown = now, now
	s.since, s.answers, s.throttles = 0, 0, 0
}

func (s *seeker) report(now, given time.Duration, r Result, idle time.Duration) {
	passed := (now - s.grown).Seconds()
	s.grown = now
	if passed > 0 {
		s.idle += min(1, passed/idleMemory) * (min(1, idle.Seconds()/passed) - s.idle)
	}
	if r == NoAnswer {
		return // a service in trouble is no reason to speed up, nor to slow down
	}
	took := (now - given).Seconds()
	if s.latency == 0 {
		s.latency = took
	}
	s.latency += (took - s.latency) / 16
	if given <= s.cutAt {
		return // let out before the cut: it tells of a rate that is no more
	}
	s.answers++
	if r == Throttled {
		s.throttles++
		s.throttled(now)
		return
	}
	// A long silence is no success.
	s.grow(min(passed, max(0.1, 2/s.now)))
}

// grow credits seconds in which calls succeeded.
func (s *seeker) grow(seconds float64) {
	seconds *= max(0, 1-s.idle/idleStop)
	ramp := math.Ln2 / max(doubling, rampLatencies*s.latency)
	if s.ramping {
		s.set(s.now * math.Exp(seconds*ramp))
		if s.now >= min(s.goal, s.ceiling) {
			s.set(s.goal)
			s.ramping = false
		}
		return
	}
	s.since += seconds
	// The longer no throttle comes, the less likely the limit is where it was: as
	// in CUBIC and H-TCP, growth goes from slow to fast with the time since a cut.
	due := s.often()
	x := min(lateMax, s.since*due)
	speed := cut * due * (steady + late*(latePow+1)*math.Pow(x, latePow))
	s.set(s.now * math.Exp(seconds*min(ramp, speed)))
}

// often is how many cuts a second the seeker makes at its rate.
func (s *seeker) often() float64 {
	f := often
	switch {
	case s.now < lowKnee:
		f *= math.Pow(s.now/lowKnee, lowPower)
	case s.now > highKnee:
		f *= math.Pow(s.now/highKnee, highPower)
	}
	return min(f, oftenMax, max(often, oftenLatency/max(s.latency, 1e-3)))
}

// throttled makes of a throttle, to a call let out since the last cut, another cut
// or none.
func (s *seeker) throttled(now time.Duration) {
	latency := time.Duration(s.latency * float64(time.Second))
	passed := now - s.cutAt
	throttledAt := s.now
	goal := 0.0
	switch {
	case s.ramping && math.IsInf(s.goal, 1),
		s.search && passed < 2*latency+time.Duration(4/s.now*float64(time.Second)):
		s.search = true
		goal = throttledAt * rampBack
		s.set(throttledAt * (1 - rampCut))
	case s.cutAt < 0, s.answers > watchEndCalls, passed > watchEndTime+2*latency:
		s.search = false
		s.set(throttledAt * (1 - cut*(1+cutSpread*(2*s.rand.Float64()-1))))
	case s.throttles > 1 && (s.answers >= watchCalls || passed > watchTime+latency):
		s.search = false
		share := (float64(s.throttles) - 0.5) / float64(s.answers)
		s.set(throttledAt * (1 - min(watchCutMax, share+watchMargin)))
	default:
		return
	}
	s.ramping, s.goal = goal > s.now, goal
	s.begin(now)
}
