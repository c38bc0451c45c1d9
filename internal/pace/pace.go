// Package pace decides when the next API call may go out.
//
// The quota is ten calls a second for a whole account and Region, other callers
// share it, and it may be raised: so the rate is what is adapted, never the
// number of calls under way. Bucket keeps to a rate that is set, gives way to
// throttles and comes back; a pace that learns the quota itself fills the same
// interface, Pace.
package pace

import (
	"context"
	"time"
)

// Pace hands out permission for API calls, one token a call, at a rate it
// learns from how calls end. Safe for use by many goroutines.
type Pace interface {
	// Wait blocks until one call may go out, in the order of the callers. It
	// returns the context's cause, and no token, when ctx ends first.
	Wait(ctx context.Context) error
	// Return gives an unused token back: nothing was left to send.
	Return()
	// Report tells how a call that Wait permitted ended. A throttled call's
	// retryAfter is the server's wish, zero where it had none.
	Report(r Result, retryAfter time.Duration)
	// Rate is the current rate in calls a second.
	Rate() float64
}

// Result is what a finished call says about the door.
type Result int

const (
	Granted   Result = iota // the API let the call through, whatever it thought of its values
	Throttled               // the API's quota refused it
	NoAnswer                // neither: time-out, broken connection, the service's own trouble
)
