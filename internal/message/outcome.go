package message

// Outcome is what becomes of a message. A closed set; exactly one for each
// message while the process lives.
type Outcome string

const (
	Applied      Outcome = "applied"           // a call that carried its newest values was answered 204
	Superseded   Outcome = "superseded"        // each of its members has a newer value applied
	Unsure       Outcome = "superseded_unsure" // superseded by a newer value that does not set all of its keys, where the API's merging is unknown
	Duplicate    Outcome = "duplicate"         // its dedup key was applied before
	Unchanged    Outcome = "unchanged"         // nothing to set, or known to be set already
	DeadLettered Outcome = "dead_lettered"     // stored in the dead-letter queue
	Released     Outcome = "released"          // given back to the queue, or lost to its next owner
)

// Outcomes lists every outcome, for metrics that exist from the start.
var Outcomes = []Outcome{Applied, Superseded, Unsure, Duplicate, Unchanged, DeadLettered, Released}
