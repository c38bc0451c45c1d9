package backlog

import "managed-thing-updater/internal/evidence"

// Count takes in the end of this turn's call, which was not throttled. It adds a
// first call to the score.
func (b *Backlog) Count(turn *Turn, ended evidence.Score) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := turn.thing
	if !t.failing {
		b.all.Add(ended)
		t.own.Add(ended)
	}
	b.answered += ended.Answered
	t.answered += ended.Answered
	t.failing, t.throttled = ended.Succeeded == 0, false
}

// Others is the score of the first calls for all other things, since some moment in
// the past: two of them, subtracted, say how other things fared meanwhile.
func (b *Backlog) Others(turn *Turn) evidence.Score {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Sub(turn.thing.own)
}

// ThrottledAgain notes that the turn's call was throttled. It reports whether the
// thing's previous call was throttled too although others were let through in
// between: that says something of this thing, and nothing of the rate that the API
// grants to all.
func (b *Backlog) ThrottledAgain(turn *Turn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := turn.thing
	answered := b.answered - t.answered
	again := t.throttled && answered-t.othersAnswered >= otherCallsBetween
	t.throttled, t.othersAnswered = true, answered
	return again
}

// letThrough is how many calls for other things, answered between two throttled
// calls of a thing, show that the quota is not what throttles it.
const otherCallsBetween = 3
