package backlog

// Tally counts calls that have ended, throttled ones left out.
type Tally struct {
	Ended     uint64 // with or without an answer
	Answered  uint64 // the API said something
	Succeeded uint64 // the API said 204
}

// Sub returns what came to t since earlier.
func (t Tally) Sub(earlier Tally) Tally {
	return Tally{Ended: t.Ended - earlier.Ended, Answered: t.Answered - earlier.Answered, Succeeded: t.Succeeded - earlier.Succeeded}
}

func (t *Tally) add(u Tally) {
	t.Ended += u.Ended
	t.Answered += u.Answered
	t.Succeeded += u.Succeeded
}

// Count adds a call of this turn to the score.
func (b *Backlog) Count(turn *Turn, ended Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.add(ended)
	turn.thing.own.add(ended)
}

// Others is the score of all calls but this thing's own, since some moment in
// the past: two of them, subtracted, say how other things fared meanwhile.
func (b *Backlog) Others(turn *Turn) Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Sub(turn.thing.own)
}
