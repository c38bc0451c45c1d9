package pace

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drive has every call of a controller succeed from now on, as fast as it allows, until its
// rate is want, and returns how long that took.
func drive(t *testing.T, s *rateController, now *time.Duration, want float64) time.Duration {
	t.Helper()
	const latency = 20 * time.Millisecond
	began := *now
	for s.rate() < want {
		if *now-began > time.Minute {
			t.Fatalf("%v calls a second after a minute, want %v", s.rate(), want)
		}
		*now += time.Duration(float64(time.Second) / s.rate())
		s.report(*now, *now-latency, Granted, 0)
	}
	return *now - began
}

// found is a controller that has learned a quota, and when.
func found(t *testing.T, quota float64) (*rateController, time.Duration) {
	s := newRateController(10, 0, rand.New(rand.NewPCG(1, 1)))
	now := time.Second
	drive(t, s, &now, quota)
	s.ramping, s.goal = false, 0
	return s, now
}

func TestTwoRestartsDoNotForgetWhatWasLearned(t *testing.T) {
	for restarts := 1; restarts <= 3; restarts++ {
		s, now := found(t, 500)
		for n := range restarts {
			if n > 0 {
				drive(t, s, &now, 15) // the service fails again early in the ramp
			}
			s.restart(now, 10)
		}
		if took := drive(t, s, &now, 450); took > 3*time.Second {
			t.Errorf("after %d restarts: back at 450 calls a second after %v, want 3 s", restarts, took)
		} else {
			t.Logf("after %d restarts: back at 450 calls a second after %v", restarts, took)
		}
	}
}

// A first ramp has no end but the first throttle. An outage in it is not one.
func TestARestartInTheFirstRampLooksForTheQuotaAsBefore(t *testing.T) {
	s := newRateController(10, 0, rand.New(rand.NewPCG(1, 1)))
	now := time.Second
	drive(t, s, &now, 20)
	s.restart(now, 10)
	if took := drive(t, s, &now, 500); took > 3*time.Second {
		t.Errorf("at 500 calls a second after %v, want 3 s", took)
	}
}

func TestARestartForgetsWhatAThrottleHasRefuted(t *testing.T) {
	s, now := found(t, 500)
	s.restart(now, 10)
	drive(t, s, &now, 100)
	now += time.Second
	s.report(now, now-time.Millisecond, Throttled, 0) // the quota is lower now
	s.restart(now, 10)
	drive(t, s, &now, s.goal)
	if s.rate() > 100 {
		t.Errorf("ramped up to %v calls a second, and 100 were throttled", s.rate())
	}
}

// Rates at their ends, with calls that take no time and calls that take five minutes.
func TestTheRateStaysANumberAtTheEndsOfItsRange(t *testing.T) {
	rates := []float64{math.NaN(), math.Inf(-1), -1, 0, 1e-300, MinRate, 1, 1e6, 1e300, math.Inf(1)}
	waits := []time.Duration{0, 1, time.Millisecond, 5 * time.Minute, 24 * time.Hour, 10 * 365 * 24 * time.Hour}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, start := range rates {
		for _, top := range rates {
			s := newRateController(start, top, rng)
			g := newTokenBucket(s)
			var now time.Duration
			for range 200 {
				now += waits[rng.IntN(len(waits))]
				if now > 200*365*24*time.Hour {
					break
				}
				g.fill(now, rng.IntN(2) == 0)
				if g.take(now) {
					end := now + waits[rng.IntN(4)]
					g.fill(end, false)
					g.report(end, Result(rng.IntN(3)), waits[rng.IntN(len(waits))])
					now = end
				}
				if rng.IntN(10) == 0 {
					s.restart(now, rates[rng.IntN(len(rates))])
					g.settle()
				}
				if r := s.rate(); !(r >= MinRate && r <= maxRate) {
					t.Fatalf("from %v, at most %v: the rate is %v", start, top, r)
				}
				if due := g.due(now); due < tick || due > MaxHold+10*time.Second+tick {
					t.Fatalf("from %v, at most %v: the next token comes in %v", start, top, due)
				}
				if !(g.tokens >= 0 && g.tokens <= g.burst()+2) {
					t.Fatalf("from %v, at most %v: %v tokens", start, top, g.tokens)
				}
			}
		}
	}
}
