package backlog

import (
	"cmp"
	"time"

	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// Item is one update that waits, with its message's claim. Between Add and the
// moment it is settled or removed it belongs to the backlog; while its thing has
// a turn, the turn's holder may change the exported fields.
type Item struct {
	merge.Waiting
	Claim Claim
	// Story takes down what happens to the message; nil where nothing does.
	Story *timeline.Story
	// Trace is the message's span; nil where it has none.
	Trace *telemetry.MessageTrace
	ID    string // SQS's MessageId: Update's may be that of an earlier life
	// SentAt is the message's own SentTimestamp in this queue: its place in the
	// line, which a letter that was moved back takes anew.
	SentAt time.Time
	// ClockAhead is by how much SQS's clock, which SentAt is by, was ahead of ours.
	ClockAhead time.Duration
	// Tenant is whose message it is, where the producers say so; the tenants that
	// wait take turns.
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
