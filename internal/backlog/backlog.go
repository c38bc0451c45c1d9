// Package backlog keeps what waits, a thing at a time: which thing's turn is
// next, and what its waiting updates come to when they are merged.
//
// A thing is in line once, at the place of its longest-waiting message, and has
// at most one turn at a time; what arrives during a turn waits for the next one.
//
//	          Add                 Take                 Done, settled
//	(nothing) ───► in line ──────────────► in its turn ─────────────► (gone)
//	                 ▲  ▲                        │ Done, items left
//	                 │  └──── at once ───────────┤
//	                 └─ due ── backing off ◄─────┘ after a delay
package backlog

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// RetryShare is how many first calls go out for each retry while both wait:
// retries take at most a fifth of the rate.
const RetryShare = 4

// suspectWait bounds the random wait of a suspect before it is in line.
const suspectWait = 5 * time.Second

// Backlog is safe for use by many goroutines.
type Backlog struct {
	wake chan struct{} // one slot: something may have become ready

	mu      sync.Mutex // guards all below
	things  map[string]*thing
	claims  map[Claim]*Item
	first   tenants // due things that did not fail last
	retry   tenants // due things that did
	suspect tenants // due things with a suspect among their items
	backoff delays
	firsts  int  // first calls taken since the last retry
	testing bool // a suspect's turn is under way
	closed  bool
	seq     int64
	waiting int // items that no turn holds
	probes  int64
	all     Tally
}

// New makes an empty backlog.
func New() *Backlog {
	return &Backlog{
		wake:   make(chan struct{}, 1),
		things: make(map[string]*thing),
		claims: make(map[Claim]*Item),
	}
}

// Add puts items in line, all at once: those of one thing share its next turn. It
// returns false, and takes nothing, once Close was called.
func (b *Backlog) Add(items ...*Item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	for _, it := range items {
		b.add(it)
	}
	return true
}

func (b *Backlog) add(it *Item) {
	b.seq++
	it.seq = b.seq
	t := b.things[it.Update.Thing]
	if t == nil {
		t = &thing{id: it.Update.Thing, index: -1}
		b.things[t.id] = t
	}
	it.Attempts.Others = b.all.Sub(t.own)
	t.insert(it)
	b.claims[it.Claim] = it
	b.waiting++
	switch {
	case t.where == inTurn || t.where == backingOff:
	case t.where == inLine:
		b.unline(t)
		b.enline(t)
	case it.Suspect:
		// In the order of their arrival the one that kills the worker could be
		// first in each of its lives, and take the others down with it.
		t.where, t.due = backingOff, time.Now().Add(rand.N(suspectWait))
		b.backoff.push(t)
		b.signal()
	default:
		b.enline(t)
		b.signal()
	}
}

// Remove takes out the item of a claim that was lost. An item that a turn holds
// stays in that turn and is gone when the turn is done.
func (b *Backlog) Remove(c Claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	it := b.claims[c]
	if it == nil {
		return
	}
	delete(b.claims, c)
	t := b.things[it.Update.Thing]
	if !t.remove(it) {
		return // its turn holds it
	}
	b.waiting--
	switch t.where {
	case inLine:
		b.unline(t)
		b.enlineOrForget(t)
	case backingOff:
		if len(t.items) == 0 {
			b.backoff.remove(t)
			delete(b.things, t.id)
		}
	}
}

// Ready waits until a thing can be taken, and returns the context's cause when
// that ends first. Only one goroutine may wait at a time.
func (b *Backlog) Ready(ctx context.Context) error {
	for {
		b.mu.Lock()
		b.promote(time.Now())
		ok := b.next() != nil
		due, any := b.backoff.first()
		b.mu.Unlock()
		if ok {
			return nil
		}
		var timer <-chan time.Time
		var stop func() bool
		if any {
			tm := time.NewTimer(time.Until(due))
			timer, stop = tm.C, tm.Stop
		}
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer:
		}
		if stop != nil {
			stop()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// HasNext reports whether a thing can be taken now.
func (b *Backlog) HasNext() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promote(time.Now())
	return b.next() != nil
}

// Take gives the next thing its turn, with all that waits for it, or returns nil
// where no thing is ready. Each turn ends with Done.
func (b *Backlog) Take() *Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promote(time.Now())
	t := b.next()
	if t == nil {
		return nil
	}
	switch t.line {
	case &b.retry:
		b.firsts = 0
	default:
		b.firsts++
	}
	t.line.served(t)
	b.unline(t)
	return b.begin(t)
}

// begin starts the turn of a thing that was taken out of where it waited.
func (b *Backlog) begin(t *thing) *Turn {
	t.where = inTurn
	turn := &Turn{Thing: t.id, Confirm: t.confirm, Failures: t.failures, thing: t}
	turn.Items, t.items = t.take()
	for _, it := range turn.Items {
		turn.suspect = turn.suspect || it.Suspect
	}
	b.testing = b.testing || turn.suspect
	t.turning = len(turn.Items)
	b.waiting -= len(turn.Items)
	return turn
}

// next is the thing whose turn it is.
func (b *Backlog) next() *thing {
	first, retry := b.first.head(), b.retry.head()
	if !b.testing {
		if s := b.suspect.head(); s != nil && (first == nil || s.before(first)) {
			first = s
		}
	}
	switch {
	case first == nil:
		return retry
	case retry != nil && b.firsts >= RetryShare:
		return retry
	}
	return first
}

// Close ends the line: no item is added any more. It returns the items that no
// turn holds; the holders of turns get theirs from Done.
func (b *Backlog) Close() []*Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var left []*Item
	for id, t := range b.things {
		left = append(left, t.items...)
		t.items = nil
		if t.where != inTurn {
			delete(b.things, id)
		}
	}
	for _, it := range left {
		delete(b.claims, it.Claim)
	}
	b.first, b.retry, b.suspect, b.backoff, b.waiting = tenants{}, tenants{}, tenants{}, delays{}, 0
	return left
}

func (b *Backlog) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// promote puts things whose delay has ended in line.
func (b *Backlog) promote(now time.Time) {
	for {
		due, any := b.backoff.first()
		if !any || due.After(now) {
			return
		}
		b.enline(b.backoff.pop())
	}
}

func (b *Backlog) enline(t *thing) {
	t.where = inLine
	switch {
	case t.suspect():
		t.line = &b.suspect
	case t.failures > 0:
		t.line = &b.retry
	default:
		t.line = &b.first
	}
	t.line.push(t)
}

func (b *Backlog) unline(t *thing) {
	t.line.remove(t)
	t.line, t.where = nil, nowhere
}

func (b *Backlog) enlineOrForget(t *thing) {
	if len(t.items) == 0 {
		delete(b.things, t.id)
		return
	}
	b.enline(t)
}
