package backlog_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/backlog"
)

const (
	step       = 100 * time.Millisecond // between two turns, as at 10 calls a second
	longest    = 10                     // steps that a turn takes at most
	mostTurns  = 8                      // turns at most
	comeBack   = time.Second            // of a thing that another worker holds
	stretch    = 3 * time.Second        // of most delays, at most
	suspectGap = 5 * time.Second        // a suspect's random wait, at most
)

// nature is what becomes of a thing's turns for as long as the run lasts.
type nature int

const (
	healthy   nature = iota // each turn settles what it carries
	sick                    // each turn fails
	throttled               // two turns of three fail
	held                    // another worker has it, time and again
	confirmed               // what succeeded is sent again before it is settled
	suspected               // each message is a suspect, and half of the turns fail
	natures
)

func (n nature) String() string {
	return [...]string{"healthy", "sick", "throttled", "held", "confirmed", "suspected"}[n]
}

// waiter is a thing of the run, as the run knows it.
type waiter struct {
	id      string
	tenant  string
	nature  nature
	items   int // that wait or are in its turn
	inTurn  bool
	due     time.Time // when it may have its turn; zero: nothing waits
	waited  int       // turns that could have been its own since then
	skipped int       // probes that went to others while it waited
}

// course is one run with all classes of waiting things at once.
type course struct {
	t       *testing.T
	b       *backlog.Backlog
	rng     *rand.Rand
	things  []*waiter
	byID    map[string]*waiter
	tenants int
	open    bool // the circuit: turns are probes, one at a time
	turns   []*underway
	sent    int
	most    [natures]int
}

// underway is a turn under way.
type underway struct {
	turn          *backlog.Turn
	written, ends int // steps from now
}

func newCourse(t *testing.T, seed uint64) *course {
	c := &course{t: t, b: backlog.New(), rng: rand.New(rand.NewPCG(seed, 11)), byID: map[string]*waiter{}}
	c.tenants = 1 + c.rng.IntN(4)
	each, stubborn := 3+c.rng.IntN(10), 0
	for n := range c.tenants * each {
		w := &waiter{id: fmt.Sprint("thing-", n), tenant: fmt.Sprint("tenant-", n%c.tenants), nature: nature(c.rng.IntN(int(natures)))}
		if w.nature == held {
			if stubborn++; stubborn > 3 { // each comes back to its old place once a second
				w.nature = healthy
			}
		}
		c.things, c.byID[w.id] = append(c.things, w), w
	}
	return c
}

// bound is the package comment's, in turns: five for each thing that may go before it,
// twice that because what is held comes back to its old place.
func (c *course) bound() int { return 2 * (backlog.RetryShare + 1) * len(c.things) }

func (c *course) send() {
	for _, w := range c.things {
		if w.items >= 3 || c.rng.IntN(4) > 0 {
			continue
		}
		c.sent++
		it := item(w.id, c.sent)
		it.SentAt = time.Now().Add(-time.Duration(c.rng.IntN(2000)) * time.Millisecond) // SQS delivers out of order
		it.Tenant, it.Suspect = w.tenant, w.nature == suspected
		if w.items++; !w.inTurn && w.due.IsZero() {
			w.due = time.Now()
			if it.Suspect {
				w.due = w.due.Add(suspectGap)
			}
		}
		c.b.Add(it)
	}
}

// take gives a turn, if there is one, and counts it against all that wait for theirs.
func (c *course) take() {
	var turn *backlog.Turn
	switch {
	case c.open && len(c.turns) == 0:
		turn = c.b.TakeProbe()
	case !c.open && len(c.turns) < mostTurns:
		turn = c.b.Take()
	default:
		return
	}
	var its *waiter
	if turn != nil {
		its = c.byID[turn.Thing]
		c.most[its.nature] = max(c.most[its.nature], its.waited)
		its.inTurn, its.due, its.waited, its.skipped = true, time.Time{}, 0, 0
		c.turns = append(c.turns, &underway{turn, 1 + c.rng.IntN(5), 1 + c.rng.IntN(longest)})
	}
	now := time.Now()
	for _, w := range c.things {
		if w == its || w.items == 0 || w.inTurn {
			continue
		}
		if c.open {
			if w.skipped++; w.skipped > 2*len(c.things) {
				c.t.Fatalf("%s (%v) was not probed in %d probes of %d things", w.id, w.nature, w.skipped, len(c.things))
			}
		} else if !now.Before(w.due) {
			if w.waited++; w.waited > c.bound() {
				c.t.Fatalf("%s (%v) has waited for %d turns of %d things", w.id, w.nature, w.waited, len(c.things))
			}
		}
	}
}

// goOn brings the turns under way a step further.
func (c *course) goOn() {
	going := c.turns[:0]
	for _, u := range c.turns {
		if u.written--; u.written == 0 && c.rng.IntN(5) > 0 {
			c.b.Written(u.turn)
		}
		if u.ends--; u.ends > 0 {
			going = append(going, u)
			continue
		}
		c.end(u.turn)
	}
	c.turns = going
}

func (c *course) end(turn *backlog.Turn) {
	w := c.byID[turn.Thing]
	var next backlog.Next
	failed := backlog.Next{Failed: true, Confirm: turn.Confirm, Delay: time.Duration(c.rng.Int64N(int64(stretch)))}
	switch {
	case c.open, w.nature == sick,
		w.nature == throttled && c.rng.IntN(3) > 0,
		w.nature == suspected && c.rng.IntN(2) > 0:
		next = failed
	case w.nature == held:
		next = backlog.Next{Delay: comeBack, Failed: turn.Failures > 0}
	case w.nature == confirmed && !turn.Confirm:
		next = backlog.Next{Delay: stretch, Confirm: true}
	}
	var done []*backlog.Item
	if next.Delay == 0 {
		done = turn.Items
	}
	c.b.Done(turn, done, next)
	w.inTurn = false
	if w.items -= len(done); w.items > 0 {
		w.due = time.Now().Add(next.Delay)
	}
}

// Under any mix that goes on for ever each thing has its turn within the bound that
// the package comment names: first calls, retries, suspects, suspects that failed,
// turns that send again, and probes, of each tenant.
func TestWhateverTheMixEachThingHasItsTurnWithinTheBound(t *testing.T) {
	const seeds, steps = 60, 3000
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCourse(t, seed)
				for n := range steps {
					c.open = n%1000 >= 700 && n%1000 < 900
					c.send()
					c.goOn()
					c.take()
					time.Sleep(step)
				}
				if testing.Verbose() {
					t.Logf("%d things of %d tenants; the longest waits, in turns, by nature: %v", len(c.things), c.tenants, c.most)
				}
			})
		})
	}
}
