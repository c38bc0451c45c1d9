package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// candidate is one law that the simulator was asked about.
type candidate struct {
	name string
	make func(*rand.Rand) rateLaw
}

var candidates = []candidate{
	{"fixed", func(*rand.Rand) rateLaw { return &fixed{now: 10} }},
	{"AIMD", func(*rand.Rand) rateLaw { return &aimd{now: 10, cutAt: -1} }},
	{"CUBIC", func(*rand.Rand) rateLaw { return &cubic{now: 10, cutAt: -1} }},
	{"BBR", func(*rand.Rand) rateLaw { return &bbr{best: 10} }},
	{"learned", learned},
}

func learned(r *rand.Rand) rateLaw { return newRateController(10, 0, r) }

// fixed keeps to the documented quota, halves its rate on a throttle, and comes
// back in equal steps within 10 s.
type fixed struct {
	now           float64
	cutAt, raised time.Duration
}

func (l *fixed) rate() float64 { return l.now }

func (l *fixed) report(now, given time.Duration, r Result, _ time.Duration) {
	if given <= l.cutAt {
		return
	}
	switch r {
	case Throttled:
		l.now = max(MinRate, l.now/2)
		l.cutAt, l.raised = now, now
	case Granted:
		l.now = min(10, l.now+min(1, (now-l.raised).Seconds()))
		l.raised = now
	}
}

// aimd adds one call a second each second and takes a third away on a throttle.
type aimd struct {
	now           float64
	cutAt, raised time.Duration
}

func (l *aimd) rate() float64 { return l.now }

func (l *aimd) report(now, given time.Duration, r Result, idle time.Duration) {
	if given <= l.cutAt {
		return
	}
	switch r {
	case Throttled:
		l.now = max(MinRate, l.now*0.7)
		l.cutAt, l.raised = now, now
	case Granted:
		if idle == 0 {
			l.now += min(1, (now - l.raised).Seconds())
		}
		l.raised = now
	}
}

// cubic is the rate law of the SDK's adaptive retry mode (beta 0.7, scale 0.4, at
// most twice the measured rate), here with one cut for a burst of throttles and
// with the pace on from the start.
type cubic struct {
	now, top, measured float64
	cutAt, window      time.Duration
	sent               float64
}

func (l *cubic) rate() float64 { return l.now }

func (l *cubic) report(now, given time.Duration, r Result, _ time.Duration) {
	l.sent++
	if passed := (now - l.window).Seconds(); passed >= 0.5 {
		l.measured = 0.8*l.sent/passed + 0.2*l.measured
		l.sent, l.window = 0, now
	}
	rate := l.now
	switch {
	case r == Throttled && given > l.cutAt:
		l.top = min(l.now, max(l.measured, MinRate))
		l.cutAt = now
		rate = l.top * 0.7
	case r == Granted:
		k := math.Cbrt(l.top * 0.3 / 0.4)
		rate = 0.4*math.Pow((now-max(0, l.cutAt)).Seconds()-k, 3) + l.top
	}
	if l.measured > 0 {
		rate = min(rate, 2*l.measured)
	}
	l.now = max(0.5, rate)
}

// bbr sends at the best rate of grants of the last 10 s, with a gain of 1.25 in one
// of eight seconds and 0.75 in the next; its first seconds double the rate.
type bbr struct {
	best    float64
	seen    [10]float64
	grants  float64
	second  int
	limited bool // a throttle has come
}

func (l *bbr) rate() float64 {
	gain := 1.0
	switch {
	case !l.limited:
		gain = 2
	case l.second%8 == 0:
		gain = 1.25
	case l.second%8 == 1:
		gain = 0.75
	}
	return max(MinRate, gain*l.best)
}

func (l *bbr) report(now, _ time.Duration, r Result, _ time.Duration) {
	if s := int(now / time.Second); s != l.second {
		l.seen[l.second%len(l.seen)] = l.grants
		l.grants, l.second = 0, s
		l.best = 1
		for _, x := range l.seen {
			l.best = max(l.best, x)
		}
	}
	switch r {
	case Granted:
		l.grants++
	case Throttled:
		l.limited = true
	}
}

// bounded is the learned law with a ceiling.
func bounded(top float64) func(*rand.Rand) rateLaw {
	return func(r *rand.Rand) rateLaw { return newRateController(10, top, r) }
}

func fair(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
