package backlog

import (
	"time"

	"managed-thing-updater/internal/thingstate"
)

// Unchanged reports whether the call would set only what is known to have been
// set last, less than within ago, with no call of unknown outcome since.
func (p Plan) Unchanged(rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		v, ok := rec.Version(in.Member)
		if !ok || v.Digest != in.Digest || marked(rec, in.Member) || now.Sub(v.At) >= within {
			return false
		}
	}
	return within > 0 && len(p.Intents) > 0
}

func marked(rec thingstate.Record, member string) bool {
	for range rec.MarksOf(member) {
		return true
	}
	return false
}

// Rival is when the last call was started whose outcome is not known and which
// carried another value of a member in this one: landing later, it would undo
// this one. False where there is none.
func (p Plan) Rival(rec thingstate.Record) (started time.Time, any bool) {
	for _, in := range p.Intents {
		for mark := range rec.MarksOf(in.Member) {
			if !mark.Over && mark.Digest != in.Digest && mark.At.After(started) {
				started, any = mark.At, true
			}
		}
	}
	return started, any
}

// Pending reports whether any call that was started less than within ago, whose
// outcome is not known and which carried a member in this one, may yet land. One
// with the same value does this call no harm, but it may do so to the next.
func (p Plan) Pending(rec thingstate.Record, now time.Time, within time.Duration) bool {
	for _, in := range p.Intents {
		for mark := range rec.MarksOf(in.Member) {
			if !mark.Over && now.Sub(mark.At) < within {
				return true
			}
		}
	}
	return false
}
