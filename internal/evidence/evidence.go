// Package evidence says whether a failed call counts against an update that it carried.
//
// A failure counts only if calls for other things succeed: since the update's previous call at
// least LeastCalls first calls for other things were answered, and at least nine tenths
// of those that ended succeeded. Otherwise the service is in trouble, and the update is
// not to blame. Counted failures span at least Span before an update is dead-lettered, so
// that a short trouble of one thing passes.
package evidence

import (
	"time"

	"managed-thing-updater/internal/telemetry"
)

const (
	// LeastCalls is how many answered calls for other things a failure is compared with.
	LeastCalls     = 10
	leastSucceeded = 0.9
	// Span is the shortest time from the first counted failure to a dead letter.
	Span = 2 * time.Minute

	// DeniedLimit is how many counted refusals of this thing alone are enough.
	DeniedLimit = 3
	// DeniedEvery spreads them over Span: a refusal seldom passes sooner, and calls in
	// between would cost other things theirs.
	DeniedEvery = Span / (DeniedLimit - 1)
)

// CallCounts counts first calls that have ended, throttled ones left out. A first call is
// one for a thing whose last call did not fail. The calls of sick things say
// nothing of the service: many of them must not excuse each other.
type CallCounts struct {
	Ended     uint64 // with or without an answer
	Answered  uint64 // the API said something
	Succeeded uint64 // the API said 204
}

// Sub returns what came to s since earlier.
func (s CallCounts) Sub(earlier CallCounts) CallCounts {
	return CallCounts{Ended: s.Ended - earlier.Ended, Answered: s.Answered - earlier.Answered, Succeeded: s.Succeeded - earlier.Succeeded}
}

// Add adds u.
func (s *CallCounts) Add(u CallCounts) {
	s.Ended += u.Ended
	s.Answered += u.Answered
	s.Succeeded += u.Succeeded
}

// Evidence is what is known against one update.
type Evidence struct {
	Counted int       // failures that count
	First   time.Time // of the first counted one; zero before
	// OtherCalls counts the calls for other things until this update was last tried, or
	// joined.
	OtherCalls CallCounts
	// Missing is set while there were too few other calls to tell the last failure from a
	// trouble of the service.
	Missing bool
	// Failures counts every failed call but the throttled ones, Last names the last
	// of them, and Since is when the first one ended.
	Failures int
	Last     string
	Since    time.Time
}

// Failed notes a call that failed, whether it counts or not.
func (e *Evidence) Failed(code string, now time.Time) {
	if e.Failures == 0 {
		e.Since = now
	}
	e.Failures, e.Last = e.Failures+1, code
}

// Count adds a failure to the evidence against the update, if it counts. others counts the
// calls for other things by now.
func (e *Evidence) Count(others CallCounts, now time.Time) telemetry.Counting {
	since := others.Sub(e.OtherCalls)
	e.OtherCalls = others
	e.Missing = since.Answered < LeastCalls
	switch {
	case e.Missing:
		return telemetry.NoEvidence
	case float64(since.Succeeded) < leastSucceeded*float64(since.Ended):
		return telemetry.Trouble
	}
	e.Counted++
	if e.First.IsZero() {
		e.First = now
	}
	return telemetry.Counted
}

// Enough reports whether the evidence is enough to dead-letter the update: limit counted
// failures, over Span.
func (e *Evidence) Enough(limit int, now time.Time) bool {
	return e.Counted >= limit && now.Sub(e.First) >= Span
}
