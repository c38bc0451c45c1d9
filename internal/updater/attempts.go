package updater

import (
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/telemetry"
)

// A failure counts against an update only if other things fare well: since the
// update's previous attempt at least evidenceCalls first calls for other things were
// answered, and at least evidenceShare of those that ended succeeded. Otherwise
// it is the service's trouble and nobody's failure. Counted attempts span at
// least attemptsSpan, so that a short trouble that hits one thing passes.
const (
	evidenceCalls = 10
	evidenceShare = 0.9
	attemptsSpan  = 2 * time.Minute

	// deniedAttempts is how many counted refusals of this thing alone are enough.
	deniedAttempts = 3
	// deniedEvery spreads them over the time that they have to span: a refusal seldom
	// passes sooner, and calls in between would cost others theirs.
	deniedEvery = attemptsSpan / (deniedAttempts - 1)
)

// count adds a failure to the update's attempts, where it counts. others is the
// score of the calls for other things by now.
func count(a *backlog.Attempts, others backlog.Tally, now time.Time) telemetry.Counting {
	since := others.Sub(a.Others)
	a.Others = others
	a.NoEvidence = since.Answered < evidenceCalls
	switch {
	case a.NoEvidence:
		return telemetry.NoEvidence
	case float64(since.Succeeded) < evidenceShare*float64(since.Ended):
		return telemetry.Trouble
	}
	a.Counted++
	if a.First.IsZero() {
		a.First = now
	}
	return telemetry.Counted
}

// deniedWait is what refused updates wait beside their backoff, once a refusal has
// counted against one of them.
func deniedWait(items []*backlog.Item) time.Duration {
	for _, it := range items {
		if it.Attempts.Counted > 0 {
			return deniedEvery
		}
	}
	return 0
}

// usedUp reports whether an update has used up its attempts.
func usedUp(a backlog.Attempts, limit int, now time.Time) bool {
	return a.Counted >= limit && now.Sub(a.First) >= attemptsSpan
}
