package statetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// Table is a thingstate.Table in memory, over which time may be virtual: the contract
// in its plainest words, for tests of what is built on it.
type Table struct {
	// Clock is the table's own clock, as Redis has one. Nil: it goes by its callers'
	// clocks, as DynamoDB does.
	Clock func() time.Time
	// Slow is how long an answer takes.
	Slow time.Duration

	mu    sync.Mutex
	items map[string]*tableItem
	lose  int // answers to lose; below 0 all
}

type tableItem struct {
	thingstate.Item
	took    []thingstate.Holder // since the last Put
	held    bool                // not Put since
	until   time.Time
	expires time.Time
}

// ErrLost is the error of a request whose answer was lost.
var ErrLost = errors.New("connection reset by peer")

// Lose has the answers of the next n requests lost after they were carried out, below 0
// of all from now on, at 0 of none any more.
func (tb *Table) Lose(n int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.lose = n
}

func (tb *Table) nowLocked(callers time.Time) time.Time {
	if tb.Clock == nil {
		return callers
	}
	return tb.Clock()
}

// Take implements thingstate.Table.
func (tb *Table) Take(_ context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	time.Sleep(tb.Slow / 2)
	defer time.Sleep(tb.Slow / 2)
	tb.mu.Lock()
	defer tb.mu.Unlock()
	now := tb.nowLocked(t.Now)
	i := tb.items[thing]
	if i == nil || !i.expires.After(now) {
		start := uint64(now.UnixMilli()) // so that counts grow even if an item was forgotten
		i = &tableItem{Item: thingstate.Item{Token: start, Puts: start}}
	}
	held := &thingstate.HeldError{Thing: thing, Until: t.Now.Add(i.until.Sub(now))} // by the caller's clock
	switch own := i.By == t.By; {
	case slices.Contains(i.Finished, t.By), own && !i.held:
		return thingstate.Item{}, held // it has ended
	case own: // again
	case i.held && i.until.After(now), slices.Contains(i.took, t.By):
		return thingstate.Item{}, held
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
	i.took = append(i.took, t.By)
	i.Pending = append(i.Pending, thingstate.Pending{Marks: t.Marks, Token: i.Token, At: now})
	if tb.items == nil {
		tb.items = map[string]*tableItem{}
	}
	tb.items[thing] = i
	return before, tb.answerLocked()
}

// Put implements thingstate.Table.
func (tb *Table) Put(_ context.Context, thing string, p thingstate.Put) error {
	time.Sleep(tb.Slow / 2)
	defer time.Sleep(tb.Slow / 2)
	tb.mu.Lock()
	defer tb.mu.Unlock()
	now := tb.nowLocked(p.Now)
	i := tb.items[thing]
	switch {
	case i == nil || !i.expires.After(now):
		return thingstate.ErrLeaseLost
	case i.By == p.Of && i.Puts == p.Puts:
	case slices.Contains(i.Finished, p.By):
		return tb.answerLocked() // it was made before
	default:
		return thingstate.ErrLeaseLost
	}
	i.Record, i.By, i.Finished, i.expires = p.Record, p.By, p.Finishers(), now.Add(p.TTL)
	i.Pending, i.took, i.held, i.until = nil, nil, false, time.Time{}
	i.Puts++
	return tb.answerLocked()
}

func (tb *Table) answerLocked() error {
	if tb.lose == 0 {
		return nil
	}
	tb.lose--
	return ErrLost
}

// Check implements thingstate.Table.
func (*Table) Check(context.Context) ([]string, error) { return nil, nil }

// String implements thingstate.Table.
func (*Table) String() string { return "table" }

// Where implements thingstate.Table.
func (*Table) Where(thing string) string { return "item " + thing }

// Close implements thingstate.Table.
func (*Table) Close() error { return nil }
