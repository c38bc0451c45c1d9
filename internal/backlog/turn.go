package backlog

import "time"

// Turn is one thing's turn: all that waited for it when the turn began. While it
// lasts no other turn of the thing begins.
type Turn struct {
	Thing string
	Items []*Item // in their order, oldest event first
	// Failures is how many turns of this thing failed in a row, throttled ones too.
	Failures int
	// Suspect is set when one of the items is a suspect, see Backlog.Written.
	Suspect bool
	// Probe is set when the turn is to find out whether the service is well again.
	Probe bool

	thing *thing
}

// Next says when a thing's next turn comes, and as what.
type Next struct {
	Delay  time.Duration // before it is in line again; 0 is at once
	Failed bool          // this turn failed: the next one is a retry
}

// Done ends a turn. The settled items are finished with. The others go back to their
// thing, which is in line again, at its place, after next.Delay. A thing whose turn failed
// is a retry until a turn of it succeeds.
//
// After Close, Done keeps nothing: it returns the items that are left, for the caller to
// release.
func (b *Backlog) Done(turn *Turn, settled []*Item, next Next) []*Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.signal()
	t := turn.thing
	t.turning = 0
	b.doneTestingLocked(turn)
	for _, it := range settled {
		delete(b.claims, it.Claim)
	}
	var left []*Item
	for _, it := range turn.Items {
		if b.claims[it.Claim] == it {
			left = append(left, it)
		}
	}
	if b.closed {
		delete(b.things, t.id)
		for _, it := range left {
			delete(b.claims, it.Claim)
		}
		return left
	}
	for _, it := range left {
		t.insert(it)
	}
	b.waiting += len(left)
	t.state = nowhere
	if next.Failed {
		t.failures++
	} else {
		t.failures = 0
	}
	t.due = time.Now().Add(next.Delay)
	if next.Delay > 0 && len(t.items) > 0 {
		b.backOffLocked(t)
		return nil
	}
	b.enqueueOrForgetLocked(t)
	return nil
}
