package backlog

import "managed-thing-updater/internal/evidence"

// Count counts the end of this turn's call, which was not throttled.
func (b *Backlog) Count(turn *Turn, ended evidence.CallCounts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := turn.thing
	if !t.failing {
		b.calls.Add(ended)
		t.calls.Add(ended)
	}
	b.answered += ended.Answered
	t.answered += ended.Answered
	t.failing, t.throttled = ended.Succeeded == 0, false
}

// OtherCalls counts the first calls for all other things, since some moment in the past:
// the difference of two counts says how they ended between the two.
func (b *Backlog) OtherCalls(turn *Turn) evidence.CallCounts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls.Sub(turn.thing.calls)
}

// ThrottledAgain notes that the turn's call was throttled. It reports whether the thing's
// previous call was throttled too, although others were let through in between: then the
// limit is this thing's own, and not the rate that the API grants to all.
func (b *Backlog) ThrottledAgain(turn *Turn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := turn.thing
	answered := b.answered - t.answered
	again := t.throttled && answered-t.othersAnswered >= otherCallsBetween
	t.throttled, t.othersAnswered = true, answered
	return again
}

// otherCallsBetween is how many calls for other things, answered between two throttled
// calls of a thing, show that the quota is not what throttles it.
const otherCallsBetween = 3
