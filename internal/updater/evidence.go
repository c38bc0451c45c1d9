package updater

import (
	"slices"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// tried are the updates whose fate hung on the call: those that it carried, and those
// that it would have superseded. Otherwise a thing that is sick and goes on reporting
// would never be dead-lettered, since its newest update alone is in each call.
func tried(t *backlog.Turn, carried []*backlog.Item) []*backlog.Item {
	if slices.ContainsFunc(carried, func(it *backlog.Item) bool { return it.Apart }) {
		return carried
	}
	return t.Items
}

// countAll counts a failure against each update that was tried. It returns those up to
// the last one, in their order, that has used up its attempts by it; nil if none has.
func (u *Updater) countAll(t *backlog.Turn, carried []*backlog.Item, now time.Time, limit int) (over []*backlog.Item) {
	all := tried(t, carried)
	if t.Probe { // it went out before its time
		u.excuse(t, all)
		return nil
	}
	others := u.backlog.Others(t)
	for i, it := range all {
		counted := it.Evidence.Count(others, now)
		it.Attempted(counted, it.Evidence.Counted)
		if counted == telemetry.Counted && it.Evidence.UsedUp(limit, now) {
			over = all[:i+1]
		}
	}
	return over
}

// excuse counts a failed probe, or a failure while the circuit is open, against no
// update. The next failure is compared with later calls.
func (u *Updater) excuse(t *backlog.Turn, items []*backlog.Item) {
	others := u.backlog.Others(t)
	for _, it := range items {
		it.Evidence.Others = others
		it.Counts(timeline.WhileTheCircuitIsOpen, it.Evidence.Counted)
	}
}

// deniedWait is what refused updates wait beside their backoff, once a refusal has
// counted against one of them.
func deniedWait(items []*backlog.Item) time.Duration {
	for _, it := range items {
		if it.Evidence.Counted > 0 {
			return evidence.DeniedEvery
		}
	}
	return 0
}

// alone reports whether there was no other traffic to compare a failure with.
func alone(items []*backlog.Item) bool {
	return slices.ContainsFunc(items, func(it *backlog.Item) bool { return it.Evidence.Missing })
}
