package pace_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/pace"
)

// grants counts the tokens that n callers, each asking again at once, get in d.
func grants(t *testing.T, b *pace.Bucket, n int, d time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	total := 0
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for b.Wait(ctx) == nil {
				mu.Lock()
				total++
				mu.Unlock()
				b.Report(pace.NoAnswer, 0)
			}
		})
	}
	wg.Wait()
	return total
}

func TestRateIsHeldWithinOnePercent(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		callers int
		d       time.Duration
	}{
		{0.5, 1, time.Hour}, {10, 64, 100 * time.Second}, {10, 1, 100 * time.Second}, {333, 64, 30 * time.Second}, {20_000, 64, 8 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := float64(grants(t, pace.NewBucket(c.rate, 0), c.callers, c.d)) / c.d.Seconds()
			if got < c.rate*0.99 || got > c.rate*1.01 {
				t.Errorf("rate %v with %d callers: %v a second", c.rate, c.callers, got)
			}
		})
	}
}

func TestTenASecondGoOutEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(10, 0)
		time.Sleep(time.Hour) // nothing gathers beyond one token
		last := time.Now()
		for i := range 50 {
			if err := b.Wait(t.Context()); err != nil {
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

func TestCallersAreServedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(10, 0)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if b.Wait(t.Context()) == nil {
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

func TestWaitEndsWithTheCauseAndTakesNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errStop := errors.New("the worker stops")
		b := pace.NewBucket(1, 0)
		b.Wait(t.Context())
		ctx, cancel := context.WithCancelCause(t.Context())
		var got error
		var wg sync.WaitGroup
		wg.Go(func() { got = b.Wait(ctx) })
		synctest.Wait()
		var behind time.Duration
		start := time.Now()
		wg.Go(func() { b.Wait(t.Context()); behind = time.Since(start) })
		time.Sleep(500 * time.Millisecond)
		cancel(errStop)
		wg.Wait()
		if got != errStop {
			t.Errorf("error %v", got)
		}
		if behind != time.Second {
			t.Errorf("the next caller waited %v", behind)
		}
		if err := b.Wait(ctx); err != errStop {
			t.Errorf("with an ended context: error %v", err)
		}
	})
}

func TestAReturnedTokenGoesToTheNextCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(0.1, 0)
		b.Wait(t.Context())
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { b.Wait(t.Context()) })
		synctest.Wait()
		b.Return()
		wg.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("waited %v", d)
		}
	})
}

func TestReturningTokensNeverExceedsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(10, 0)
		for range 1000 {
			b.Wait(t.Context())
			b.Return()
		}
		if n := grants(t, b, 8, 10*time.Second); n > 102 {
			t.Errorf("%d tokens in 10 s", n)
		}
	})
}

func TestAThrottleHalvesTheRateOncePerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(1000, 0)
		take := func(n int) {
			for range n {
				b.Wait(t.Context())
			}
		}
		want := func(rate float64) {
			t.Helper()
			if got := b.Rate(); got != rate {
				t.Fatalf("rate %v, want %v", got, rate)
			}
		}
		take(20)
		for range 20 { // all let out before the first of them was throttled
			b.Report(pace.Throttled, 0)
		}
		want(500)
		take(1)
		b.Report(pace.Throttled, 0)
		want(250)
		for range 100 {
			take(1)
			b.Report(pace.Throttled, 0)
		}
		want(pace.MinRate)
	})
}

func TestRateComesBackInTenSecondsOfSuccess(t *testing.T) {
	for _, rate := range []float64{10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			b := pace.NewBucket(rate, 0)
			b.Wait(t.Context())
			b.Report(pace.Throttled, 0)
			start, last := time.Now(), b.Rate()
			for b.Rate() < rate {
				b.Wait(t.Context())
				b.Report(pace.Granted, 0)
				if now := b.Rate(); now < last || now-last > rate/10 {
					t.Fatalf("the rate went from %v to %v at once", last, now)
				}
				last = b.Rate()
			}
			if d := time.Since(start); d < 4*time.Second || d > 6*time.Second {
				t.Errorf("rate %v: from half back to full in %v", rate, d)
			}
			time.Sleep(time.Hour)
			b.Wait(t.Context())
			b.Report(pace.Granted, 0)
			if b.Rate() != rate {
				t.Errorf("rate %v grew to %v", rate, b.Rate())
			}
		})
	}
}

func TestRateComesBackFromTheFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(10, 0)
		for range 20 {
			b.Wait(t.Context())
			b.Report(pace.Throttled, 0)
		}
		start := time.Now()
		for b.Rate() < 10 {
			b.Wait(t.Context())
			b.Report(pace.Granted, 0)
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestNoTokenBeforeTheServersWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pace.NewBucket(100, 0)
		for _, c := range []struct{ wish, want time.Duration }{{5 * time.Second, 5 * time.Second}, {time.Hour, pace.MaxHold}} {
			b.Wait(t.Context())
			b.Wait(t.Context())
			start := time.Now()
			b.Report(pace.Throttled, c.wish)
			b.Return() // a token given back does not go out either
			b.Wait(t.Context())
			if d := time.Since(start); d < c.want || d > c.want+time.Millisecond {
				t.Errorf("wish %v: waited %v", c.wish, d)
			}
			b.Report(pace.Granted, time.Hour) // no wish without a throttle
			b.Wait(t.Context())
			if d := time.Since(start); d > c.want+time.Second {
				t.Errorf("wish %v: the second waited %v", c.wish, d)
			}
			b.Return()
		}
	})
}

func TestCeilingAndFloorOfTheRate(t *testing.T) {
	for _, c := range []struct{ rate, limit, want float64 }{{10, 0, 10}, {10, 4, 4}, {10, 40, 10}, {0, 0, pace.MinRate}, {-1, 5, pace.MinRate}} {
		if got := pace.NewBucket(c.rate, c.limit).Rate(); got != c.want {
			t.Errorf("NewBucket(%v, %v) starts at %v, want %v", c.rate, c.limit, got, c.want)
		}
	}
}

// Whatever callers do, no more tokens go out than the start rate allows, nobody
// is forgotten, and what is left works.
func TestBucketUnderRandomUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, callers, d = 200.0, 32, 60 * time.Second
		b := pace.NewBucket(rate, 0)
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
					if b.Wait(mine) == nil {
						time.Sleep(time.Duration(rng.IntN(int(100 * time.Millisecond))))
						kept := 1
						switch rng.IntN(100) {
						case 0:
							b.Report(pace.Throttled, time.Duration(rng.IntN(int(50*time.Millisecond))))
						case 1, 2, 3:
							b.Report(pace.NoAnswer, 0)
						case 4, 5, 6:
							b.Return()

						default:
							b.Report(pace.Granted, 0)
						}
						mu.Lock()
						used += kept
						mu.Unlock()
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if most := int(rate*d.Seconds()*1.01) + 10; used > most || used == 0 {
			t.Errorf("%d tokens used, at most %d", used, most)
		}
		b.Wait(t.Context())
	})
}

func BenchmarkWaitWithTokens(b *testing.B) {
	bucket := pace.NewBucket(1e12, 0)
	b.ReportAllocs()
	for b.Loop() {
		bucket.Wait(b.Context())
		bucket.Report(pace.Granted, 0)
	}
}
