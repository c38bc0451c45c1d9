package updater

import (
	"slices"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// tried are the updates that a failure of the call may count against: those that it
// carried, and those that it would have superseded. A sick thing that goes on reporting has
// only its newest update in each call: if the others did not count, none would ever be
// dead-lettered.
func tried(t *backlog.Turn, carried []*backlog.Item) []*backlog.Item {
	if slices.ContainsFunc(carried, func(it *backlog.Item) bool { return it.Apart }) {
		return carried
	}
	return t.Items
}

// countFailure adds a failure to the evidence against each update that was tried. If that
// is enough against some, it returns all up to the last of these, in their order.
func (u *Updater) countFailure(t *backlog.Turn, carried []*backlog.Item, now time.Time, limit int) (guilty []*backlog.Item) {
	all := tried(t, carried)
	if t.Probe { // it went out before its delay had ended
		u.excuse(t, all)
		return nil
	}
	others := u.backlog.OtherCalls(t)
	for i, it := range all {
		counted := it.Evidence.Count(others, now)
		it.Attempted(counted, it.Evidence.Counted)
		if counted == telemetry.Counted && it.Evidence.Enough(limit, now) {
			guilty = all[:i+1]
		}
	}
	return guilty
}

// excuse is for a failed probe, or a failure while the circuit is open: it counts against no
// update. The next failure is compared with the calls after this one.
func (u *Updater) excuse(t *backlog.Turn, items []*backlog.Item) {
	others := u.backlog.OtherCalls(t)
	for _, it := range items {
		it.Evidence.OtherCalls = others
		it.Counts(timeline.WhileTheCircuitIsOpen, it.Evidence.Counted)
	}
}

// isCounted reports whether a failure has counted against the update.
func isCounted(it *backlog.Item) bool { return it.Evidence.Counted > 0 }

// hasNoComparison reports whether there were too few other calls to compare the update's
// last failure with.
func hasNoComparison(it *backlog.Item) bool { return it.Evidence.Missing }
