package backlog

import "time"

// TakeProbe gives a turn to the thing that was probed longest ago, or never. Among several
// it is the first in line, and one that did not fail last goes before one that did. A
// thing that backs off may be chosen as well. It returns nil if nothing waits. It looks at
// every thing: probes are rare.
func (b *Backlog) TakeProbe() *Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.promoteLocked(now)
	var next *thing
	for _, t := range b.things {
		if t.state != inLine && t.state != backingOff || b.tested != nil && t.suspect() {
			continue
		}
		if next == nil || t.probed.Before(next.probed) || t.probed.Equal(next.probed) && t.before(next) {
			next = t
		}
	}
	if next == nil {
		return nil
	}
	if !now.After(b.lastProbe) {
		now = b.lastProbe.Add(1) // things take turns at probes of one moment, too
	}
	b.lastProbe, next.probed = now, now
	if next.state == backingOff {
		b.backoff.Remove(next)
	} else {
		b.dequeueLocked(next)
	}
	turn := b.beginLocked(next)
	turn.Probe = true
	return turn
}

// AllProbedSince reports whether everything that waits was probed after since. It
// looks at every thing.
func (b *Backlog) AllProbedSince(since time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.things {
		if t.state != inTurn && !t.probed.After(since) {
			return false
		}
	}
	return true
}
