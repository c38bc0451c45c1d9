package admission

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

const (
	// perRepeat: merging pays if at least one in so many messages repeats a thing.
	perRepeat = 50
	// least is how many things in line are never too many: at one call in ten seconds
	// there is still something to choose from, and to probe with.
	least = 100
	// leastUnrenewed takes the place of least if leases cannot be renewed: one receive.
	leastUnrenewed = 10
	// horizonShare divides the first lease: the result is the horizon.
	horizonShare = 3
	// doubling is how long the rate that counts takes to double.
	doubling = 10 * time.Second
	// leastRate is what a rate of 0 grows from, in calls a second.
	leastRate = 0.1
	// soon: what is called within this time is always worth having.
	soon = 5 * time.Second
)

// window says how much of the queue is worth holding. Safe for use by many
// goroutines.
//
// A message that is held costs memory, a renewal of its lease now and then, and
// time when its worker dies, since it comes again only when its lease ends. Other
// replicas cannot have it meanwhile. Two things make it worth that:
//
//   - Merging. What waits for one thing shares a call, and calls are what is scarce.
//     The more messages are held, the more of them are for one thing.
//   - Tenants. They take turns, and a turn can only be given to what is held.
//
// A call costs the same however many messages it settles, so things bound the look ahead,
// not messages. Those in line are enough if all of them have their turn within the
// horizon, a third of the first lease. A lease is renewed when half of it is left, so
// messages that have nothing to merge with are never renewed, and there is room for the
// rate to fall. The rate that counts is the learned one, but it doubles at most every
// 10 s: while the quota is being found, the learned rate goes far above it for a moment.
// What the learned rate itself calls in 5 s is always worth having, so that no call has to
// wait for a thing.
//
// If merging pays, that is not enough: the second message for a thing may be thousands of
// messages behind the first. So the window remembers which things the last messages were
// for, as many as may be held, with those that are settled. If at least one in 50 repeats
// a thing, to hold as much as WORKER_MAX_HELD allows saves at least one call in 50, and
// that much is held. What would merge counts, not what did: a fleet that reports in
// rotation merges nothing until a whole round is held.
//
// If leases cannot be renewed, only the horizon counts: a message that is not called
// within its first lease is lost, and was held for nothing.
type window struct {
	size    int
	horizon time.Duration
	seed    maphash.Seed

	mu      sync.Mutex
	last    []entry // at most size; once full, a ring whose oldest is at next
	next    int
	things  map[uint64]int // how many of last are for each thing
	tenants int            // how many of last name a tenant
	steady  float64        // the rate that counted at noted, in calls a second
	noted   time.Time      // when noteRate was last called; zero: never
}

// entry is a message that was received.
type entry struct {
	thing  uint64 // hash of its identifier
	tenant bool
}

func newWindow(maxHeld int, lease time.Duration) *window {
	return &window{size: maxHeld, horizon: lease / horizonShare, seed: maphash.MakeSeed(), things: make(map[uint64]int)}
}

func (w *window) saw(thing, tenant string) {
	is := entry{maphash.String(w.seed, thing), tenant != ""}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) < w.size {
		w.last = append(w.last, is)
	} else {
		w.forgetLocked(w.last[w.next])
		w.last[w.next] = is
		w.next = (w.next + 1) % w.size
	}
	w.things[is.thing]++
	if is.tenant {
		w.tenants++
	}
}

func (w *window) forgetLocked(was entry) {
	if w.things[was.thing]--; w.things[was.thing] == 0 {
		delete(w.things, was.thing)
	}
	if was.tenant {
		w.tenants--
	}
}

// noteRate notes the rate of now, in calls a second. The rate that counts follows it down
// at once, and up so that it doubles at most every 10 s.
func (w *window) noteRate(rate float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.steady, w.noted = w.steadyLocked(rate, now), now
}

// steadyLocked is the rate that counts at now.
func (w *window) steadyLocked(rate float64, now time.Time) float64 {
	if w.noted.IsZero() {
		return rate
	}
	// After a day the growth is infinite, and infinity times 0 is no number.
	return min(rate, max(w.steady, leastRate)*math.Exp2(now.Sub(w.noted).Seconds()/doubling.Seconds()))
}

// worth is how many things are worth having in line, at a rate in calls a second.
// bounded is false if it is as many as may be held.
func (w *window) worth(rate float64) (things int, bounded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	repeats := len(w.last) - len(w.things)
	if w.tenants > 0 || repeats > 0 && repeats*perRepeat >= len(w.last) {
		return 0, false
	}
	steady := w.steadyLocked(rate, time.Now())
	return max(least, int(steady*w.horizon.Seconds()), int(rate*soon.Seconds())), true
}

// withoutRenewals is how many things are worth having in line while leases cannot be
// renewed, at a rate in calls a second.
func (w *window) withoutRenewals(rate float64) int {
	return max(leastUnrenewed, int(rate*w.horizon.Seconds()))
}
