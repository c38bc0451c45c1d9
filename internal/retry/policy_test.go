package retry_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/retry"
)

func TestCeilingDoublesFromBaseToMax(t *testing.T) {
	p := retry.Policy{Base: 200 * time.Millisecond, Max: 20 * time.Second}
	want := []time.Duration{200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000}
	for i, w := range want {
		if got := p.Ceiling(i + 1); got != w*time.Millisecond {
			t.Errorf("Ceiling(%d) = %v, want %v", i+1, got, w*time.Millisecond)
		}
	}
}

func TestCeilingHasNoOddCorners(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		p    retry.Policy
		n    int
		want time.Duration
	}{
		{retry.Policy{}, 5, 0},
		{retry.Policy{Base: -1, Max: time.Second}, 5, 0},
		{retry.Policy{Base: time.Second, Max: -1}, 5, 0},
		{retry.Policy{Base: time.Minute, Max: time.Second}, 1, time.Second},
		{retry.Policy{Base: time.Second, Max: time.Minute}, math.MinInt, time.Second},
		{retry.Policy{Base: time.Second, Max: time.Minute}, 0, time.Second},
		{retry.Policy{Base: time.Second, Max: time.Minute}, math.MaxInt, time.Minute},
		{retry.Policy{Base: 1, Max: longest}, math.MaxInt, longest},
	} {
		if got := c.p.Ceiling(c.n); got != c.want {
			t.Errorf("%+v.Ceiling(%d) = %v, want %v", c.p, c.n, got, c.want)
		}
		c.p.Delay(c.n, 0, nil) // does not panic
	}
}

func TestDelayStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := retry.Policy{
			Base: time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "base")),
			Max:  time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "max")),
		}
		n := rapid.Int().Draw(t, "n")
		floor := time.Duration(rapid.Int64().Draw(t, "floor"))
		got := p.Delay(n, floor, nil)
		low := max(0, min(floor, retry.MaxFloor))
		if got < low || got > max(low, p.Max) {
			t.Fatalf("Delay(%d, %v) of %+v = %v", n, floor, p, got)
		}
		if n < math.MaxInt && p.Ceiling(n) > p.Ceiling(n+1) {
			t.Fatalf("the ceiling falls from %v to %v", p.Ceiling(n), p.Ceiling(n+1))
		}
	})
}

func TestDelayIsAtLeastTheServersWish(t *testing.T) {
	p := retry.Policy{Base: time.Second, Max: 8 * time.Second}
	for wish, want := range map[time.Duration]time.Duration{time.Minute: time.Minute, 24 * time.Hour: retry.MaxFloor} {
		if got := p.Delay(1, wish, nil); got != want {
			t.Errorf("wish %v: %v, want %v", wish, got, want)
		}
	}
}

func TestDelayIsEvenFromZeroToTheCeiling(t *testing.T) {
	p := retry.Policy{Base: time.Second, Max: time.Minute}
	rng := retry.NewRand(1)
	var tenths [10]int
	const draws = 20_000
	for range draws {
		d := p.Delay(3, 0, rng)
		tenths[min(9, int(d*10/(4*time.Second)))]++
	}
	for i, n := range tenths {
		if n < draws/10*9/10 || n > draws/10*11/10 {
			t.Errorf("%d of %d draws in tenth %d", n, draws, i)
		}
	}
}

func TestRandRepeatsItselfAndMayBeShared(t *testing.T) {
	p := retry.Policy{Base: time.Hour, Max: time.Hour}
	a, b := retry.NewRand(7), retry.NewRand(7)
	for range 10 {
		if p.Delay(1, 0, a) != p.Delay(1, 0, b) {
			t.Fatal("the same seed drew something else")
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				p.Delay(1, 0, a)
			}
		})
	}
	wg.Wait() // the race detector looks
}
