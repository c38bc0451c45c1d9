// Package retry decides how long to wait between attempts and runs the loop
// around them. It alone knows github.com/cenkalti/backoff/v4; the rest of the
// worker sees Policy and Do.
package retry

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// MaxFloor is the longest wait that a server can ask for: one that asks for a day is asked
// again after this long.
const MaxFloor = 5 * time.Minute

// Policy is exponential backoff with full jitter: after n failures the wait is
// drawn evenly from 0 to min(Max, Base·2ⁿ⁻¹). So clients that failed together
// do not come back together.
//
// Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
type Policy struct {
	Base time.Duration // the longest first wait; 0 or less: no wait at all
	Max  time.Duration // the longest wait, whatever the number of failures
}

// exponential has the ceilings of the waits. The waits themselves are drawn below
// them by a source that tests can seed, which backoff's own jitter is not.
func (p Policy) exponential() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(max(0, min(p.Base, p.Max))),
		backoff.WithMaxInterval(max(0, p.Max)),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0),
		backoff.WithMaxElapsedTime(0),
	)
}

// mostDoublings takes any wait to the longest one there is.
const mostDoublings = 63

// Ceiling is the longest wait after n failures in a row, for any n; n below 1
// is taken as 1.
func (p Policy) Ceiling(n int) time.Duration {
	b := p.exponential()
	for range min(max(n, 1)-1, mostDoublings) {
		b.NextBackOff()
	}
	return b.NextBackOff()
}

// Delay draws the wait after n failures in a row (n below 1 is taken as 1). It
// is never shorter than floor, which the server asked for, or than MaxFloor if that is
// less; a floor of 0 or less is none. A nil rng is the process's own.
func (p Policy) Delay(n int, floor time.Duration, rng *rand.Rand) time.Duration {
	return max(draw(p.Ceiling(n), rng), min(floor, MaxFloor))
}

// draw is even over the closed range from 0 to ceiling.
func draw(ceiling time.Duration, rng *rand.Rand) time.Duration {
	if rng == nil {
		return time.Duration(rand.Uint64N(uint64(ceiling) + 1))
	}
	return time.Duration(rng.Uint64N(uint64(ceiling) + 1))
}

// NewRand makes a source of randomness that always draws the same numbers from
// the same seed, for tests. Safe for use by many goroutines.
func NewRand(seed uint64) *rand.Rand {
	return rand.New(&lockedSource{source: rand.NewPCG(seed, seed)})
}

// lockedSource makes a rand.Rand safe for many goroutines: in math/rand/v2 all
// of its state is in the source.
type lockedSource struct {
	mu     sync.Mutex
	source *rand.PCG
}

func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Uint64()
}
