package backlog

import (
	"cmp"

	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/timeline"
)

// Item is one update that waits, with its message's claim. Between Add and the
// moment it is settled or removed it belongs to the backlog; while its thing has
// a turn, the turn's holder may change the exported fields.
type Item struct {
	merge.Waiting
	// Message is the one that brought the update. Its SentAt is its place in line, and new
	// for a letter that was moved back. Update's ID and SentAt may be those of an earlier
	// life.
	*timeline.Message
	Claim Claim
	// Tenant is the message's tenant, if it names one. Tenants take turns.
	Tenant string
	// Suspect marks a message received so often that it may be what kills the
	// worker: it is called with no other suspect beside it.
	Suspect bool
	// Evidence is what failed calls say against this update.
	Evidence evidence.Evidence

	seq int64 // arrival, unique
}

// compare orders the updates of one thing, oldest event first.
func (it *Item) compare(other *Item) int {
	return cmp.Or(it.Update.Order.Compare(other.Update.Order), cmp.Compare(it.seq, other.seq))
}
