package backlog

import "time"

// Stats describes the backlog at one moment.
type Stats struct {
	Things     int       // with something waiting or a turn
	Items      int       // waiting, those in a turn left out
	BackingOff int       // things that wait for a delay to end
	NoEvidence int       // things whose last failure had nothing to compare with
	Oldest     time.Time // SentAt of the longest-waiting message; zero if none waits
}

// Stats walks all things: for status pages, not for hot paths.
func (b *Backlog) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Stats{Things: len(b.things), Items: b.waiting, BackingOff: b.backoff.Len()}
	for _, t := range b.things {
		if oldest := t.oldest(); oldest != nil && (s.Oldest.IsZero() || oldest.SentAt.Before(s.Oldest)) {
			s.Oldest = oldest.SentAt
		}
		for _, it := range t.items {
			if it.Evidence.Missing {
				s.NoEvidence++
				break
			}
		}
	}
	return s
}

// Things is how many things have something waiting or a turn.
func (b *Backlog) Things() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.things)
}

// InLine is how many things wait for nothing but their turn, those that failed last
// left out.
func (b *Backlog) InLine() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.firstCalls.things
}
