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
	resent                  // what succeeded is sent again before it is settled
	suspected               // each message is a suspect, and half of the turns fail
	natures
)

func (n nature) String() string {
	return [...]string{"healthy", "sick", "throttled", "held", "resent", "suspected"}[n]
}

// modelThing is a thing as the model knows it.
type modelThing struct {
	id      string
	tenant  string
	nature  nature
	items   int // that wait or are in its turn
	inTurn  bool
	resent  bool      // its values were sent once
	due     time.Time // when it may have its turn; zero: nothing waits
	waited  int       // turns that could have been its own since then
	skipped int       // probes that went to others while it waited
}

// model knows what waits, and for how long: one run with all natures of things at once.
type model struct {
	t            *testing.T
	b            *backlog.Backlog
	rng          *rand.Rand
	things       []*modelThing
	byID         map[string]*modelThing
	tenants      int
	open         bool // the circuit: turns are probes, one at a time
	turns        []*openTurn
	sent         int
	longestWaits [natures]int
}

// openTurn is a turn under way.
type openTurn struct {
	turn          *backlog.Turn
	written, ends int // steps from now
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, b: backlog.New(), rng: rand.New(rand.NewPCG(seed, 11)), byID: map[string]*modelThing{}}
	m.tenants = 1 + m.rng.IntN(4)
	each, stubborn := 3+m.rng.IntN(10), 0
	for n := range m.tenants * each {
		w := &modelThing{id: fmt.Sprint("thing-", n), tenant: fmt.Sprint("tenant-", n%m.tenants), nature: nature(m.rng.IntN(int(natures)))}
		if w.nature == held {
			if stubborn++; stubborn > 3 { // each comes back to its old place once a second
				w.nature = healthy
			}
		}
		m.things, m.byID[w.id] = append(m.things, w), w
	}
	return m
}

// bound is the package comment's, in turns: five for each thing that may go before it,
// twice that because what is held comes back to its old place.
func (m *model) bound() int { return 2 * (backlog.RetryShare + 1) * len(m.things) }

func (m *model) send() {
	for _, w := range m.things {
		if w.items >= 3 || m.rng.IntN(4) > 0 {
			continue
		}
		m.sent++
		it := item(w.id, m.sent)
		it.SentAt = time.Now().Add(-time.Duration(m.rng.IntN(2000)) * time.Millisecond) // SQS delivers out of order
		it.Tenant, it.Suspect = w.tenant, w.nature == suspected
		if w.items++; !w.inTurn && w.due.IsZero() {
			w.due = time.Now()
			if it.Suspect {
				w.due = w.due.Add(suspectGap)
			}
		}
		m.b.Add(it)
	}
}

// take gives a turn, if there is one, and counts it against all that wait for theirs.
func (m *model) take() {
	var turn *backlog.Turn
	switch {
	case m.open && len(m.turns) == 0:
		turn = m.b.TakeProbe()
	case !m.open && len(m.turns) < mostTurns:
		turn = m.b.Take()
	default:
		return
	}
	var its *modelThing
	if turn != nil {
		its = m.byID[turn.Thing]
		m.longestWaits[its.nature] = max(m.longestWaits[its.nature], its.waited)
		its.inTurn, its.due, its.waited, its.skipped = true, time.Time{}, 0, 0
		m.turns = append(m.turns, &openTurn{turn, 1 + m.rng.IntN(5), 1 + m.rng.IntN(longest)})
	}
	now := time.Now()
	for _, w := range m.things {
		if w == its || w.items == 0 || w.inTurn {
			continue
		}
		if m.open {
			if w.skipped++; w.skipped > 2*len(m.things) {
				m.t.Fatalf("%s (%v) was not probed in %d probes of %d things", w.id, w.nature, w.skipped, len(m.things))
			}
		} else if !now.Before(w.due) {
			if w.waited++; w.waited > m.bound() {
				m.t.Fatalf("%s (%v) has waited for %d turns of %d things", w.id, w.nature, w.waited, len(m.things))
			}
		}
	}
}

// advance brings the turns under way a step further.
func (m *model) advance() {
	going := m.turns[:0]
	for _, u := range m.turns {
		if u.written--; u.written == 0 && m.rng.IntN(5) > 0 {
			m.b.Written(u.turn)
		}
		if u.ends--; u.ends > 0 {
			going = append(going, u)
			continue
		}
		m.end(u.turn)
	}
	m.turns = going
}

func (m *model) end(turn *backlog.Turn) {
	w := m.byID[turn.Thing]
	var next backlog.Next
	failed := backlog.Next{Failed: true, Delay: time.Duration(m.rng.Int64N(int64(stretch)))}
	switch {
	case m.open, w.nature == sick,
		w.nature == throttled && m.rng.IntN(3) > 0,
		w.nature == suspected && m.rng.IntN(2) > 0:
		next = failed
	case w.nature == held:
		next = backlog.Next{Delay: comeBack, Failed: turn.Failures > 0}
	case w.nature == resent && !w.resent:
		w.resent = true
		next = backlog.Next{Delay: stretch}
	default:
		w.resent = false
	}
	var done []*backlog.Item
	if next.Delay == 0 {
		done = turn.Items
	}
	m.b.Done(turn, done, next)
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
				m := newModel(t, seed)
				for n := range steps {
					m.open = n%1000 >= 700 && n%1000 < 900
					m.send()
					m.advance()
					m.take()
					time.Sleep(step)
				}
				if testing.Verbose() {
					t.Logf("%d things of %d tenants; the longest waits, in turns, by nature: %v", len(m.things), m.tenants, m.longestWaits)
				}
			})
		})
	}
}
