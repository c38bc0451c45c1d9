package pace

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// runs are the outcomes of a scenario for five seeds.
func runs(s scenario, c candidate) []outcome {
	var out []outcome
	for seed := range uint64(5) {
		out = append(out, simulate(s, seed+1, c.make))
	}
	return out
}

func median(out []outcome, figure func(outcome) float64) float64 {
	var all []float64
	for _, o := range out {
		all = append(all, figure(o))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

var learnedLaw = candidate{"learned", learned}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	t.Logf("%s: %.4f", what, got)
	if math.IsNaN(got) || got < low || got > high {
		t.Errorf("%s: %.4f, want %v to %v", what, got, low, high)
	}
}

// minuteOf is a backlog of 60 s of a quota, for one replica.
func minuteOf(rate float64, latency time.Duration) scenario {
	return scenario{quota: []step{{0, rate}}, latency: latency, replicas: []plan{{backlog: int(60 * rate)}}}
}

// utilisation is applied over granted, with a second's burst and a concurrency
// that does not limit.
func utilisation(rate float64) func(outcome) float64 {
	return func(o outcome) float64 { return 60 * rate / (rate*o.ended.Seconds() + rate) }
}

func TestAQuotaIsUsedAndFewCallsAreWasted(t *testing.T) {
	for _, rate := range []float64{10, 100} {
		for _, latency := range []time.Duration{5, 20, 50, 100} {
			out := runs(minuteOf(rate, latency*time.Millisecond), learnedLaw)
			name := fmt.Sprintf("%v/s at %d ms", rate, latency)
			within(t, name+": utilisation", median(out, utilisation(rate)), 0.97, 1.01)
			within(t, name+": throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.03)
		}
	}
}

func TestAThousandASecondIsFoundWithinSeconds(t *testing.T) {
	for _, latency := range []time.Duration{5, 20, 50} {
		out := runs(minuteOf(1000, latency*time.Millisecond), learnedLaw)
		within(t, "utilisation", median(out, utilisation(1000)), 0.93, 1.01)
		within(t, "from the fifth second on", median(out, func(o outcome) float64 { return o.mean(5, 55) / 1000 }), 0.97, 1.03)
		within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.03)
	}
}

func TestAChangedQuotaIsFoundWithinTenSeconds(t *testing.T) {
	for _, latency := range []time.Duration{5, 20, 50, 100} {
		out := runs(scenario{
			quota:    []step{{0, 100}, {time.Minute, 30}, {2 * time.Minute, 300}},
			latency:  latency * time.Millisecond,
			replicas: busy(1), length: 3 * time.Minute,
		}, learnedLaw)
		within(t, "lowered", median(out, func(o outcome) float64 { return o.mean(70, 80) / 30 }), 0.95, 1.05)
		within(t, "raised", median(out, func(o outcome) float64 { return o.mean(130, 140) / 300 }), 0.95, 1.05)
		within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.05)
	}
}

func TestReplicasShareAQuota(t *testing.T) {
	for _, latency := range []time.Duration{5, 20, 100} {
		late := busy(3)
		late[2].from = time.Minute
		for name, replicas := range map[string][]plan{"together": busy(3), "one later": late} {
			from := 60
			if name == "one later" {
				from = 120
			}
			out := runs(scenario{quota: []step{{0, 30}}, latency: latency * time.Millisecond, replicas: replicas, length: 5 * time.Minute}, learnedLaw)
			within(t, name+": utilisation", median(out, func(o outcome) float64 { return o.mean(from, 300) / 30 }), 0.95, 1.01)
			within(t, name+": throttled", median(out, func(o outcome) float64 { return o.share(from) }), 0, 0.05)
			within(t, name+": fairness", median(out, func(o outcome) float64 { return o.jain(from, 300) }), 0.95, 1)
		}
	}
}

func TestManyReplicasStillUseAQuota(t *testing.T) {
	for _, rate := range []float64{10, 100} {
		out := runs(scenario{quota: []step{{0, rate}}, latency: 30 * time.Millisecond, replicas: busy(8), length: 3 * time.Minute}, learnedLaw)
		within(t, "utilisation", median(out, func(o outcome) float64 { return o.mean(60, 180) / rate }), 0.97, 1.01)
		within(t, "throttled", median(out, func(o outcome) float64 { return o.share(60) }), 0, 0.1)
		within(t, "fairness", median(out, func(o outcome) float64 { return o.jain(60, 180) }), 0.7, 1)
	}
}

func TestWhatAnotherProgramLeavesIsTaken(t *testing.T) {
	for _, rate := range []float64{10, 30, 100} {
		for _, latency := range []time.Duration{5, 20, 50} {
			out := runs(scenario{quota: []step{{0, rate}}, others: rate / 2, latency: latency * time.Millisecond, replicas: busy(1), length: 2 * time.Minute}, learnedLaw)
			within(t, "of the rest", median(out, func(o outcome) float64 { return o.mean(0, 120) / (rate / 2) }), 0.97, 1.1)
			within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.05)
		}
	}
}

func TestARateThatIsNotUsedIsNotLearned(t *testing.T) {
	out := runs(scenario{quota: []step{{0, 100}}, latency: 30 * time.Millisecond, replicas: []plan{{feed: []step{{0, 20}}}}, length: 10 * time.Minute}, learnedLaw)
	for _, o := range out {
		within(t, "the rate for 20 messages a second", o.peak, 20, 60)
		within(t, "applied", o.mean(10, 600), 19.9, 20.1)
	}
	// Calls that take 2 s limit the rate to 32 a second, whatever the quota.
	out = runs(scenario{quota: []step{{0, 1000}}, latency: 2 * time.Second, replicas: busy(1), length: 5 * time.Minute}, learnedLaw)
	for _, o := range out {
		within(t, "the rate for 64 calls of 2 s", o.peak, 25, 60)
		within(t, "applied", o.mean(60, 300), 25, 33)
	}
}

func TestANightWithoutMessagesCostsNothingInTheMorning(t *testing.T) {
	out := runs(scenario{
		quota: []step{{0, 100}}, latency: 30 * time.Millisecond, length: 10 * time.Minute,
		replicas: []plan{{feed: []step{{0, 200}, {time.Minute, 0}, {9 * time.Minute, 200}}}},
	}, learnedLaw)
	within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.03)
	within(t, "the morning's rate", median(out, func(o outcome) float64 { return o.mean(545, 600) / 100 }), 0.97, 1.02)
}

func TestSlowCalls(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		latency time.Duration
		low     float64
	}{{10, 500 * time.Millisecond, 0.95}, {50, 500 * time.Millisecond, 0.9}, {10, 2 * time.Second, 0.75}} {
		out := runs(minuteOf(c.rate, c.latency), learnedLaw)
		within(t, "utilisation", median(out, utilisation(c.rate)), c.low, 1.01)
		within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.06)
	}
}

func TestOtherBurstsThanASecond(t *testing.T) {
	for _, burst := range []float64{0.02, 0.2, 5} {
		out := runs(scenario{quota: []step{{0, 100}}, burst: burst, latency: 20 * time.Millisecond, replicas: busy(1), length: time.Minute}, learnedLaw)
		within(t, fmt.Sprintf("burst of %v s: from the tenth second on", burst), median(out, func(o outcome) float64 { return o.mean(10, 60) / 100 }), 0.85, 1.11)
		within(t, fmt.Sprintf("burst of %v s: throttled", burst), median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.05)
	}
}

func TestAfterAnOutageTheRateRampsUpAgain(t *testing.T) {
	for _, rate := range []float64{10, 100, 1000} {
		out := runs(scenario{
			quota: []step{{0, rate}}, latency: 20 * time.Millisecond, replicas: busy(1), length: 130 * time.Second,
			troubles: [][2]time.Duration{{time.Minute, 90 * time.Second}}, restart: 90 * time.Second,
		}, learnedLaw)
		within(t, "before", median(out, func(o outcome) float64 { return o.mean(30, 60) / rate }), 0.97, 1.02)
		within(t, "after", median(out, func(o outcome) float64 { return o.mean(95, 130) / rate }), 0.97, 1.04)
		within(t, "throttled", median(out, func(o outcome) float64 { return o.share(0) }), 0, 0.03)
	}
}

func TestAQuotaThatWasGoneIsFoundAgain(t *testing.T) {
	out := runs(scenario{quota: []step{{0, 100}, {time.Minute, 0}, {90 * time.Second, 100}}, latency: 20 * time.Millisecond, replicas: busy(1), length: 180 * time.Second}, learnedLaw)
	within(t, "calls a second while it was gone", median(out, func(o outcome) float64 { return sum(o.calls, 70, 90) / 20 }), 0, 2)
	within(t, "a minute later", median(out, func(o outcome) float64 { return o.mean(150, 180) / 100 }), 0.95, 1.05)
}

func TestAThrottledBurstIsOneCut(t *testing.T) {
	s := newRateController(1000, 0, fair(1))
	s.ramping = false
	for i := range 50 { // all let out before the first of them was throttled
		s.report(time.Second+time.Duration(i), time.Second-time.Duration(50-i), Throttled, 0)
	}
	within(t, "rate", s.rate(), 1000*(1-cut*1.2), 1000*(1-cut*0.8))
}

func TestTheCeilingHolds(t *testing.T) {
	for _, top := range []float64{4, 10, 40} {
		o := simulate(scenario{quota: []step{{0, 1000}}, latency: 20 * time.Millisecond, replicas: busy(1), length: time.Minute}, 1, bounded(top))
		within(t, "peak", o.peak, top, top)
		within(t, "applied", o.mean(10, 60), top*0.99, top*1.01)
	}
}
