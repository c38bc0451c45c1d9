// Package merge merges the updates that wait for one thing: it says which values go out in
// the thing's next call, and which updates are settled by its record. It is pure: it
// has no clock, no lock and nothing of a queue.
package merge

import "managed-thing-updater/internal/message"

// Waiting is one update that waits.
type Waiting struct {
	Update *message.Update
	// Apart marks an update that goes out in a call of its own, because a call
	// that carried it with others was refused.
	Apart bool
	// Contributed is set once a value of this update was in a call that succeeded.
	Contributed bool

	parsed *parsedUpdate // nil until it is needed
}
