package thingstate_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

// table is a Table in memory, over which the time is virtual.
type table struct {
	mu    sync.Mutex
	items map[string]*tableItem
	lose  int // answers to lose; below 0 all
	// ahead is by how much its clock is ahead of the test's, slow how long its
	// answers take.
	ahead, slow time.Duration
}

type tableItem struct {
	thingstate.Item
	held    bool // not Put since
	until   time.Time
	expires time.Time
}

var errLost = errors.New("connection reset by peer")

func newTable() *table { return &table{items: map[string]*tableItem{}} }

func (tb *table) Take(_ context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	defer time.Sleep(tb.slow)
	now := tb.now()
	i := tb.items[thing]
	if i == nil || !i.expires.After(now) {
		i = &tableItem{}
		i.Token = uint64(now.UnixMilli())
		tb.items[thing] = i
	}
	own := i.By == t.By
	if own && !i.held || !own && i.held && i.until.After(now) {
		return thingstate.Item{}, &thingstate.HeldError{Thing: thing, Until: i.until}
	}
	before := i.Item
	before.Now = now
	before.Pending = slices.Clone(i.Pending)
	if len(i.Pending) >= thingstate.MaxPending {
		return before, thingstate.ErrFull
	}
	i.Token++
	before.Token = i.Token
	i.By, i.held, i.until, i.expires = t.By, true, now.Add(t.Lease), now.Add(t.TTL)
	i.Pending = append(i.Pending, thingstate.Pending{Marks: t.Marks, Token: i.Token, At: now})
	return before, tb.answer()
}

func (tb *table) Put(_ context.Context, thing string, p thingstate.Put) error {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	i := tb.items[thing]
	if i == nil || i.By != p.By || !i.expires.After(tb.now()) {
		return thingstate.ErrLeaseLost
	}
	i.Record, i.Pending, i.held, i.until, i.expires = p.Record, nil, false, time.Time{}, tb.now().Add(p.TTL)
	return tb.answer()
}

func (tb *table) now() time.Time { return time.Now().Add(tb.ahead) }

func (tb *table) answer() error {
	if tb.lose == 0 {
		return nil
	}
	tb.lose--
	return errLost
}

func (tb *table) loseAnswers(n int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.lose = n
}

func (*table) Check(context.Context) ([]string, error) { return nil, nil }
func (*table) String() string                          { return "table" }
func (*table) Where(thing string) string               { return "item " + thing }
func (*table) Close() error                            { return nil }

// However far the worker's clock is from the store's, what a record's times are
// compared with is of the store's, and never ahead of it.
func TestALeaseTellsTheTimeOfTheStore(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			tb := newTable()
			tb.ahead, tb.slow = 7*time.Minute, 2*time.Second
			store := thingstate.NewShared(tb, thingstate.SharedOptions{Now: func() time.Time { return time.Now().Add(off) }})
			intents := []thingstate.Intent{{Member: "Name", Order: &message.Order{}}}
			_, l, err := store.Acquire(t.Context(), "lamp", time.Minute, intents)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if behind := tb.now().Sub(l.Now()); behind != tb.slow {
				t.Errorf("a worker whose clock is %v off: its lease is %v behind the store, want the %v that the answer took", off, behind, tb.slow)
			}
			if err := store.Finish(t.Context(), l, thingstate.Result{Call: thingstate.OutcomeUnknown, Applied: []thingstate.Version{{Member: "Name", Order: &message.Order{}}}, Keys: []string{"k"}}); err != nil {
				t.Fatal(err)
			}
			sent := tb.now()
			time.Sleep(30 * time.Second)
			r, l, err := store.Acquire(t.Context(), "lamp", time.Minute, nil)
			if err != nil {
				t.Fatal(err)
			}
			for what, age := range map[string]time.Duration{
				"mark": l.Now().Sub(r.Marks[0].At), "version": l.Now().Sub(r.Versions[0].At), "key": l.Now().Sub(r.Keys[0].At),
			} {
				want := tb.now().Sub(sent)
				if what == "mark" {
					want += 32 * time.Second // it is as old as the Acquire
				}
				if age < want-5*time.Second || age > want+5*time.Second {
					t.Errorf("a worker whose clock is %v off: the %s is %v old, want %v", off, what, age, want)
				}
			}
		})
	}
}

func TestSharedIsAStore(t *testing.T) {
	statetest.Run(t, statetest.Harness{
		Open: func(_ *testing.T, o statetest.Options) statetest.Opened {
			tb := newTable()
			replica := func() thingstate.Store {
				return thingstate.NewShared(tb, thingstate.SharedOptions{DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL})
			}
			return statetest.Opened{Store: replica(), Replica: replica, Lose: tb.loseAnswers}
		},
		Run:  synctest.Test,
		Tick: time.Minute,
	})
}
