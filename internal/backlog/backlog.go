// Package backlog keeps the updates that wait, by thing, and says which thing's turn is
// next. Package merge merges a thing's waiting updates.
//
// A thing is in line once, at the place of its longest-waiting message, and has
// at most one turn at a time; what arrives during a turn waits for the next one.
//
//	          Add                 Take                 Done, settled
//	(nothing) ───► in line ──────────────► in its turn ─────────────► (gone)
//	                 ▲  ▲                        │ Done, items left
//	                 │  └──── at once ───────────┤
//	                 └─ due ── backing off ◄─────┘ after a delay
//
// Nothing in line waits for ever. While both wait, four of five turns are first calls
// and one is a retry; in each of the two lines the tenants take turns. So a thing waits
// for at most five turns for each thing before it. Before it are, of the things of its
// tenant and of as many of each other one:
//
//   - A first call waits for those whose longest-waiting message was sent earlier. A turn
//     that sends again, and a thing that another worker held, stand there at their old
//     place once their delay is over.
//   - A retry waits for those whose delay ended earlier.
//   - A suspect stands in these lines like any other. If another suspect is tested when
//     its turn comes, it waits until that one's request is written, which takes at most
//     the record's and the call's timeouts. Then it is the next suspect.
//   - A probe goes to the thing that was probed longest ago, whatever delay it waits out:
//     of n things each is probed once in n probes, if no new ones arrive.
package backlog

import (
	"math/rand/v2"
	"sync"
	"time"

	"managed-thing-updater/internal/evidence"
)

// Backlog is safe for use by many goroutines.
type Backlog struct {
	wake chan struct{} // one slot: something may have become ready

	mu         sync.Mutex // guards all below
	things     map[string]*thing
	claims     map[Claim]*Item
	firstCalls readyQueue // things that did not fail last
	retries    readyQueue // things that did
	backoff    things     // by when their delay ends
	sinceRetry int        // first calls taken since the last retry
	tested     *Turn      // of the suspect that is tested, if one is
	passedOver *thing     // the suspect whose turn came meanwhile, if there is one
	closed     bool
	seq        int64
	waiting    int // items that no turn holds
	lastProbe  time.Time
	calls      evidence.CallCounts // of first calls
	answered   uint64              // calls, first ones or not
	sick       sickThings
}

// New makes an empty backlog.
func New() *Backlog {
	return &Backlog{
		wake:    make(chan struct{}, 1),
		things:  make(map[string]*thing),
		claims:  make(map[Claim]*Item),
		backoff: newThings((*thing).dueBefore),
		sick:    newSickThings(),
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
		b.addLocked(it)
	}
	return true
}

func (b *Backlog) addLocked(it *Item) {
	b.seq++
	it.seq = b.seq
	t := b.things[it.Update.Thing]
	if t == nil {
		t = &thing{id: it.Update.Thing, failing: b.sick.takeBack(it.Update.Thing, time.Now())}
		b.things[t.id] = t
	}
	it.Evidence.OtherCalls = b.calls.Sub(t.calls)
	t.insert(it)
	b.claims[it.Claim] = it
	b.waiting++
	switch {
	case t.state == inTurn || t.state == backingOff:
	case t.state == inLine:
		b.dequeueLocked(t)
		b.enqueueLocked(t)
	case it.Suspect:
		// In the order of their arrival the one that kills the worker could be
		// first in each of its lives, and take the others down with it.
		t.due = time.Now().Add(rand.N(suspectWait))
		b.backOffLocked(t)
		b.signal()
	default:
		b.enqueueLocked(t)
		b.signal()
	}
}

// Remove takes out the item of a claim that was lost. If a turn holds it, it stays in that
// turn and is gone when the turn is done.
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
	switch t.state {
	case inLine:
		b.dequeueLocked(t)
		b.enqueueOrForgetLocked(t)
	case backingOff:
		if len(t.items) == 0 {
			b.backoff.Remove(t)
			b.forgetLocked(t)
		}
	}
}

// Close ends the adding of items. It returns those that no turn holds; the holders of turns
// get theirs from Done.
func (b *Backlog) Close() []*Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var left []*Item
	for id, t := range b.things {
		left = append(left, t.items...)
		t.items = nil
		if t.state != inTurn {
			delete(b.things, id)
		}
	}
	for _, it := range left {
		delete(b.claims, it.Claim)
	}
	b.firstCalls, b.retries, b.backoff = readyQueue{}, readyQueue{}, newThings((*thing).dueBefore)
	b.passedOver, b.waiting = nil, 0
	return left
}

func (b *Backlog) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
