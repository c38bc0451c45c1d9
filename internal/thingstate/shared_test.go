package thingstate_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

// table is a Table in memory, over which the time is virtual.
type table struct {
	mu    sync.Mutex
	items map[string]*tableItem
	lose  int // answers to lose; below 0 all
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
	now := time.Now()
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
	if i == nil || i.By != p.By || !i.expires.After(time.Now()) {
		return thingstate.ErrLeaseLost
	}
	i.Record, i.Pending, i.held, i.until, i.expires = p.Record, nil, false, time.Time{}, time.Now().Add(p.TTL)
	return tb.answer()
}

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
