package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// The rate controller's numbers. They were found in the simulator, by the table of
// BenchmarkQuota and the thresholds of its tests, and depend on each other: if you
// change one, look at both.
const (
	// maxRate stands for no ceiling: the rate stays a number, whatever is granted.
	maxRate = 1e6

	// While it ramps, the rate doubles in doubling, or in rampLatencies latencies if
	// those are longer: what is sent past the limit before the first throttle
	// is heard is bounded by the growth in one latency.
	doubling      = 0.3 // seconds
	rampLatencies = 4

	// A ramp's end is searched for by halves, as BIC-TCP does: cut in half until a
	// cut stays unthrottled, then back up between the two last rates.
	rampCut  = 0.5
	rampBack = 0.7 // of the last rate that was throttled

	// One throttle takes cut of the rate, up to a fifth more or less at random, so that
	// replicas do not go up and down together.
	cut       = 0.17
	cutSpread = 0.2

	// The growth is such that it makes good for a cut in 1/often seconds: so often
	// the controller pays one throttle to know where the limit is. Below lowKnee it
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

	// Growth stops if nobody takes a tenth of the tokens: then the rate is not what
	// limits the calls, and that they all succeed says nothing about it.
	idleStop   = 0.1
	idleMemory = 0.3 // seconds
)

// rateController is the law of Learned. The package comment says why it is so.
type rateController struct {
	ceiling float64
	rand    *rand.Rand

	now     float64 // calls a second
	ramping bool
	goal    float64       // where a ramp ends; +Inf: at the first throttle
	grown   time.Duration // until when growth is credited
	idle    float64       // share of the time in which no caller waited, lately
	latency float64       // of a call, seconds, smoothed; 0 before the first answer

	cutAt     time.Duration // the last cut; -1 before the first
	since     float64       // seconds of growth since
	answers   int           // since, to calls let out since
	throttles int           // of them
	search    bool          // the cuts are those of a ramp's end
}

// newRateController starts to ramp at start calls a second. top is the ceiling, 0 or less
// for none.
func newRateController(start, top float64, r *rand.Rand) *rateController {
	if !(top > 0) {
		top = maxRate
	}
	if math.IsNaN(start) {
		start = MinRate
	}
	c := &rateController{ceiling: max(MinRate, min(top, maxRate)), rand: r, ramping: true, goal: math.Inf(1), cutAt: -1}
	c.set(start)
	return c
}

func (c *rateController) rate() float64 { return c.now }

func (c *rateController) set(rate float64) { c.now = min(c.ceiling, max(MinRate, rate)) }

// restart ramps up from rate to what was learned before. A ramp that it interrupts keeps
// its goal: that was learned, and the rate of the moment was not.
func (c *rateController) restart(now time.Duration, rate float64) {
	if math.IsNaN(rate) || rate >= c.now {
		return
	}
	if c.ramping {
		c.goal = max(c.goal, c.now)
	} else {
		c.ramping, c.goal = true, c.now
	}
	c.set(rate)
	c.begin(now)
	c.search = false
}

// begin starts the watch: only calls let out from now on count.
func (c *rateController) begin(now time.Duration) {
	c.cutAt, c.grown = now, now
	c.since, c.answers, c.throttles = 0, 0, 0
}

func (c *rateController) report(now, given time.Duration, r Result, idle time.Duration) {
	passed := (now - c.grown).Seconds()
	c.grown = now
	if passed > 0 {
		c.idle += min(1, passed/idleMemory) * (min(1, idle.Seconds()/passed) - c.idle)
	}
	if r == NoAnswer {
		return // a service in trouble is no reason to speed up, nor to slow down
	}
	took := (now - given).Seconds()
	if c.latency == 0 {
		c.latency = took
	}
	c.latency += (took - c.latency) / 16
	if given <= c.cutAt {
		return // let out before the cut: it tells of a rate that is no more
	}
	c.answers++
	if r == Throttled {
		c.throttles++
		c.throttled(now)
		return
	}
	// A long silence is no success.
	c.grow(min(passed, max(0.1, 2/c.now)))
}

// grow credits seconds in which calls succeeded.
func (c *rateController) grow(seconds float64) {
	seconds *= max(0, 1-c.idle/idleStop)
	ramp := math.Ln2 / max(doubling, rampLatencies*c.latency)
	if c.ramping {
		c.set(c.now * math.Exp(seconds*ramp))
		if c.now >= min(c.goal, c.ceiling) {
			c.set(c.goal)
			c.ramping = false
		}
		return
	}
	c.since += seconds
	// The longer no throttle comes, the less likely the limit is where it was: as
	// in CUBIC and H-TCP, growth goes from slow to fast with the time since a cut.
	due := c.often()
	x := min(lateMax, c.since*due)
	speed := cut * due * (steady + late*(latePow+1)*math.Pow(x, latePow))
	c.set(c.now * math.Exp(seconds*min(ramp, speed)))
}

// often is how many cuts a second the controller makes at its rate.
func (c *rateController) often() float64 {
	f := often
	switch {
	case c.now < lowKnee:
		f *= math.Pow(c.now/lowKnee, lowPower)
	case c.now > highKnee:
		f *= math.Pow(c.now/highKnee, highPower)
	}
	return min(f, oftenMax, max(often, oftenLatency/max(c.latency, 1e-3)))
}

// throttled answers a throttle of a call let out since the last cut: with another cut, or
// with none.
func (c *rateController) throttled(now time.Duration) {
	latency := time.Duration(c.latency * float64(time.Second))
	passed := now - c.cutAt
	throttledAt := c.now
	goal := 0.0
	switch {
	case c.ramping && math.IsInf(c.goal, 1),
		c.search && passed < 2*latency+time.Duration(4/c.now*float64(time.Second)):
		c.search = true
		goal = throttledAt * rampBack
		c.set(throttledAt * (1 - rampCut))
	case c.cutAt < 0, c.answers > watchEndCalls, passed > watchEndTime+2*latency:
		c.search = false
		c.set(throttledAt * (1 - cut*(1+cutSpread*(2*c.rand.Float64()-1))))
	case c.throttles > 1 && (c.answers >= watchCalls || passed > watchTime+latency):
		c.search = false
		share := (float64(c.throttles) - 0.5) / float64(c.answers)
		c.set(throttledAt * (1 - min(watchCutMax, share+watchMargin)))
	default:
		return
	}
	c.ramping, c.goal = goal > c.now, goal
	c.begin(now)
}
