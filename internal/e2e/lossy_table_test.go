package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

// lossyTable is a table behind a network that loses requests, loses answers, and
// carries requests out late, while its client tries again as the SDK and go-redis do.
type lossyTable struct {
	*statetest.Table
	late sync.WaitGroup

	mu    sync.Mutex // guards all below
	rand  *rand.Rand
	share float64 // of the requests that go wrong
	wrong map[string]int
	told  []string // what came, for a test that fails
}

const (
	lossyTry   = time.Second // a client waits for an answer
	lossyTries = 3
	mostLate   = 12 * time.Second
)

// fate is what becomes of one try: whether it is carried out at once, whether its
// answer comes, and how much later it is carried out (again), if at all.
func (tb *lossyTable) fate() (done, answered bool, late time.Duration) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.rand.Float64() >= tb.share {
		return true, true, 0
	}
	delay := 1 + time.Duration(tb.rand.Int64N(int64(mostLate)))
	switch tb.rand.IntN(4) {
	case 0:
		tb.wrong["lost"]++
		return false, false, 0
	case 1:
		tb.wrong["answer lost"]++
		return true, false, 0
	case 2:
		tb.wrong["late"]++
		return false, false, delay
	}
	tb.wrong["twice"]++
	return true, true, delay
}

// sent sends one request until there is an answer. carryOut's error is of the answer.
func sent[A any](ctx context.Context, tb *lossyTable, carryOut func() (A, error)) (A, error) {
	for try := 1; ; try++ {
		done, answered, late := tb.fate()
		var answer A
		var err error
		if done {
			answer, err = carryOut()
		}
		if late > 0 {
			tb.late.Add(1)
			time.AfterFunc(late, func() {
				defer tb.late.Done()
				_, _ = carryOut() // nobody waits for its answer
			})
		}
		if answered {
			return answer, err
		}
		var none A
		select {
		case <-time.After(lossyTry):
		case <-ctx.Done():
			return none, ctx.Err()
		}
		if try == lossyTries {
			return none, statetest.ErrLost
		}
	}
}

func (tb *lossyTable) Take(ctx context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	return sent(ctx, tb, func() (thingstate.Item, error) {
		item, err := tb.Table.Take(ctx, thing, t)
		tb.tell("take %s by %x: token %d, %v", thing, t.By[:4], item.Token, err)
		return item, err
	})
}

func (tb *lossyTable) Put(ctx context.Context, thing string, p thingstate.Put) error {
	_, err := sent(ctx, tb, func() (struct{}, error) {
		err := tb.Table.Put(ctx, thing, p)
		tb.tell("put %s by %x, %d bytes: %v", thing, p.By[:4], len(p.Record), err)
		return struct{}{}, err
	})
	return err
}

func (tb *lossyTable) tell(format string, args ...any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.told = append(tb.told, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (tb *lossyTable) heal() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.share = 0
}

// lossyRuns are ways in which replicas share a table.
var lossyRuns = []struct {
	name     string
	ownClock bool          // as Redis has one
	most     time.Duration // by which a worker's clock is off, either way
	fifo     bool
}{
	{"a table with a clock, workers' clocks minutes off", true, 10 * time.Minute, false},
	{"a table without a clock, workers' clocks within 2 s", false, time.Second, false},
	{"a table with a clock, FIFO", true, 10 * time.Minute, true},
	{"a table without a clock, FIFO", false, time.Second, true},
}

// Up to three workers, each with a clock of its own, over a table whose requests and
// answers get lost or arrive late: the end is the newest value of each member.
func TestReplicasOverATableThatLosesRequestsAndAnswers(t *testing.T) {
	inVirtualTime(t)
	seeds(t, 24, func(t *testing.T, seed uint64) {
		run := lossyRuns[seed%uint64(len(lossyRuns))]
		synctest.Test(t, func(t *testing.T) {
			p := newProperty(t, seed, run.fifo)
			p.events.inOrder = p.events.inOrder || p.model.semantics == config.SemanticsUnknown
			tb := &lossyTable{
				Table: &statetest.Table{Slow: 2 * time.Millisecond}, wrong: map[string]int{},
				rand: rand.New(rand.NewPCG(seed, 0x1055)), share: pick(p.rand, 0.02, 0.1, 0.3),
			}
			off := func() time.Duration { return time.Duration(p.rand.Int64N(2*int64(run.most))) - run.most }
			if run.ownClock { // the machine's clock, by which the workers wait, is off as well
				ahead := off()
				tb.Clock = func() time.Time { return time.Now().Add(ahead) }
			}
			p.open = func() thingstate.Store {
				off := off()
				return thingstate.NewShared(tb, thingstate.SharedOptions{Now: func() time.Time { return time.Now().Add(off) }})
			}
			p.heal, p.most = tb.heal, 3
			p.live()
			tb.late.Wait()
			p.check()
			stale := 0
			for _, w := range p.stopped {
				stale += w.logs.FilterMessageSnippet("possible stale write").Len()
			}
			t.Logf("%s; of its requests: %v; possible stale writes: %d", run.name, tb.wrong, stale)
			if t.Failed() {
				t.Log(strings.Join(tb.told, "\n"))
			}
		})
	})
}
