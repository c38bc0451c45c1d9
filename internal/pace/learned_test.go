package pace_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/pace"
)

// steady is a pace that keeps to one rate: its start is its ceiling.
func steady(rate float64) *pace.Learned {
	return pace.NewLearned(pace.LearnedOptions{Start: rate, Max: rate, Rand: rand.New(rand.NewPCG(1, 1))})
}

// tokens counts what n callers, each asking again at once, get in d.
func tokens(t *testing.T, p pace.Pace, n int, d time.Duration, end pace.Result) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	total := 0
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for p.Wait(ctx) == nil {
				mu.Lock()
				total++
				mu.Unlock()
				p.Report(end, 0)
			}
		})
	}
	wg.Wait()
	return total
}

func TestLearnedHoldsARateWithinOnePercent(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		callers int
		d       time.Duration
	}{
		{0.5, 1, time.Hour}, {10, 64, 100 * time.Second}, {10, 1, 100 * time.Second}, {333, 64, 30 * time.Second}, {20_000, 64, 8 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := float64(tokens(t, steady(c.rate), c.callers, c.d, pace.NoAnswer)) / c.d.Seconds()
			if got < c.rate*0.99 || got > c.rate*1.01 {
				t.Errorf("rate %v with %d callers: %v a second", c.rate, c.callers, got)
			}
		})
	}
}

func TestLearnedLetsTenASecondOutEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := steady(10)
		time.Sleep(time.Hour) // nothing gathers beyond one token
		last := time.Now()
		for i := range 50 {
			if err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			gap := time.Since(last)
			last = time.Now()
			if i > 0 && (gap < 99*time.Millisecond || gap > 102*time.Millisecond) {
				t.Fatalf("gap %d is %v", i, gap)
			}
		}
	})
}

func TestLearnedServesCallersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := steady(10)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if p.Wait(t.Context()) == nil {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
	})
}

func TestLearnedEndsAWaitWithTheCauseAndKeepsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errStop := errors.New("the worker stops")
		p := steady(1)
		p.Wait(t.Context())
		ctx, cancel := context.WithCancelCause(t.Context())
		var got error
		var wg sync.WaitGroup
		wg.Go(func() { got = p.Wait(ctx) })
		synctest.Wait()
		var behind time.Duration
		start := time.Now()
		wg.Go(func() { p.Wait(t.Context()); behind = time.Since(start) })
		time.Sleep(500 * time.Millisecond)
		cancel(errStop)
		wg.Wait()
		if got != errStop {
			t.Errorf("error %v", got)
		}
		if behind != time.Second {
			t.Errorf("the next caller waited %v", behind)
		}
		if err := p.Wait(ctx); err != errStop {
			t.Errorf("with an ended context: error %v", err)
		}
	})
}

func TestLearnedHandsAReturnedTokenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := steady(0.1)
		p.Wait(t.Context())
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { p.Wait(t.Context()) })
		synctest.Wait()
		p.Return()
		wg.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("waited %v", d)
		}
	})
}

func TestReturnedTokensDoNotRaiseTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := steady(10)
		for range 1000 {
			p.Wait(t.Context())
			p.Return()
		}
		if n := tokens(t, p, 8, 10*time.Second, pace.NoAnswer); n > 102 {
			t.Errorf("%d tokens in 10 s", n)
		}
	})
}

func TestLearnedWaitsAsTheServerWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := steady(100)
		for _, c := range []struct{ wish, want time.Duration }{{5 * time.Second, 5 * time.Second}, {time.Hour, pace.MaxHold}} {
			p.Wait(t.Context())
			p.Wait(t.Context())
			start := time.Now()
			p.Report(pace.Throttled, c.wish)
			p.Return() // a token given back does not go out either
			p.Wait(t.Context())
			if d := time.Since(start); d < c.want || d > c.want+time.Millisecond {
				t.Errorf("wish %v: waited %v", c.wish, d)
			}
			p.Report(pace.Granted, time.Hour) // no wish without a throttle
			p.Wait(t.Context())
			if d := time.Since(start); d > c.want+time.Second {
				t.Errorf("wish %v: the second waited %v", c.wish, d)
			}
			p.Return()
		}
	})
}

func TestOnlySuccessSpeedsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.NewLearned(pace.LearnedOptions{Start: 10})
		tokens(t, p, 1, time.Minute, pace.NoAnswer)
		if r := p.Rate(); r != 10 {
			t.Errorf("a minute without an answer made it %v", r)
		}
		tokens(t, p, 1, 2*time.Second, pace.Granted)
		if r := p.Rate(); r < 100 {
			t.Errorf("two seconds of success made it %v", r)
		}
	})
}

func TestThrottlesSlowDownToTheFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.NewLearned(pace.LearnedOptions{Start: 200, Max: 200})
		tokens(t, p, 1, 5*time.Minute, pace.Throttled)
		if r := p.Rate(); r != pace.MinRate {
			t.Errorf("rate %v", r)
		}
		tokens(t, p, 1, 2*time.Minute, pace.Granted)
		if r := p.Rate(); r < 100 {
			t.Errorf("after two minutes of success it is %v", r)
		}
	})
}

func TestRestartRampsUpToWhatWasLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.NewLearned(pace.LearnedOptions{Start: 10})
		tokens(t, p, 8, 2*time.Second, pace.Granted)
		learned := p.Rate()
		p.Restart(10)
		if r := p.Rate(); r != 10 {
			t.Fatalf("restarted at %v", r)
		}
		p.Restart(500) // not below the rate: nothing changes
		if r := p.Rate(); r != 10 {
			t.Fatalf("sped up to %v", r)
		}
		last, start := 10.0, time.Now()
		for p.Rate() < learned {
			p.Wait(t.Context())
			p.Report(pace.Granted, 0)
			if r := p.Rate(); r < last || r > 1.5*last {
				t.Fatalf("from %v to %v at once", last, r)
			}
			last = p.Rate()
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestBoundsOfTheLearnedRate(t *testing.T) {
	for _, c := range []struct{ start, limit, want float64 }{
		{10, 0, 10}, {10, 4, 4}, {10, 40, 10}, {0, 0, pace.MinRate}, {-1, 5, pace.MinRate}, {math.NaN(), math.NaN(), pace.MinRate}, {10, 0.01, pace.MinRate},
	} {
		if got := pace.NewLearned(pace.LearnedOptions{Start: c.start, Max: c.limit}).Rate(); got != c.want {
			t.Errorf("from %v, at most %v: starts at %v, want %v", c.start, c.limit, got, c.want)
		}
	}
}

// Whatever callers do, the rate stays within its bounds, no more tokens go out than
// the ceiling allows, nobody is forgotten, and what is left works.
func TestLearnedUnderRandomUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, callers, d = 200.0, 32, 60 * time.Second
		p := pace.NewLearned(pace.LearnedOptions{Start: 50, Max: rate, Rand: rand.New(rand.NewPCG(3, 3))})
		ctx, stop := context.WithTimeout(t.Context(), d)
		defer stop()
		var mu sync.Mutex
		used := 0
		var wg sync.WaitGroup
		for i := range callers {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			wg.Go(func() {
				for ctx.Err() == nil {
					mine, cancel := context.WithTimeout(ctx, time.Duration(rng.IntN(int(time.Second))))
					if p.Wait(mine) == nil {
						time.Sleep(time.Duration(rng.IntN(int(100 * time.Millisecond))))
						kept := 1
						switch rng.IntN(100) {
						case 0:
							p.Report(pace.Throttled, time.Duration(rng.IntN(int(50*time.Millisecond))))
						case 1, 2, 3:
							p.Report(pace.NoAnswer, 0)
						case 4, 5, 6:
							p.Return()
							kept = 0
						case 7:
							p.Report(pace.Granted, 0)
							p.Restart(float64(rng.IntN(300)))
						default:
							p.Report(pace.Granted, 0)
						}
						mu.Lock()
						used += kept
						mu.Unlock()
						if r := p.Rate(); r < pace.MinRate || r > rate {
							t.Errorf("rate %v", r)
						}
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if most := int(rate*d.Seconds()*1.01) + 10; used > most || used == 0 {
			t.Errorf("%d tokens used, at most %d", used, most)
		}
		p.Wait(t.Context())
	})
}

func BenchmarkLearnedWait(b *testing.B) {
	p := pace.NewLearned(pace.LearnedOptions{Start: 1e6})
	b.ReportAllocs()
	for b.Loop() {
		p.Wait(b.Context())
		p.Report(pace.Granted, 0)
	}
}
