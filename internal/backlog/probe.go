package backlog

import "time"

// TakeProbe gives a turn to the thing that was probed longest ago, or never, and
// among those stands first in line, one that did not fail last before one that did;
// one that backs off may be chosen as well. It returns nil if nothing waits. It
// looks at every thing: probes are rare.
func (b *Backlog) TakeProbe() *Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promote(time.Now())
	var next *thing
	for _, t := range b.things {
		if t.where != inLine && t.where != backingOff || b.testing != nil && t.suspect() {
			continue
		}
		if next == nil || t.probed < next.probed || t.probed == next.probed && t.before(next) {
			next = t
		}
	}
	if next == nil {
		return nil
	}
	b.probes++
	next.probed = b.probes
	if next.where == backingOff {
		b.backoff.remove(next)
	} else {
		b.unline(next)
	}
	turn := b.begin(next)
	turn.Probe = true
	return turn
}

// Probes counts the probes so far.
func (b *Backlog) Probes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probes
}

// ProbedSince reports whether everything that waits was probed after the first n
// probes. It looks at every thing.
func (b *Backlog) ProbedSince(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.things {
		if t.where != inTurn && t.probed <= n {
			return false
		}
	}
	return true
}
