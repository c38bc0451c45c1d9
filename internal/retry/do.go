package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Options of one Do. The zero value retries every error until the context ends.
type Options struct {
	// Attempts is how many errors end the loop; 0 or less is no limit.
	Attempts int
	// Notify is called before each wait, from the goroutine of Do.
	Notify func(err error, wait time.Duration)
	// Rand draws the waits; it must be safe for as many goroutines as share it,
	// as NewRand's is. Nil: the process's own.
	Rand *rand.Rand
}

// Do runs op until it succeeds, fails for good (Permanent), has used up its
// attempts, or ctx ends, and waits between attempts as p says. It has no limit
// of time but ctx's.
//
// The error is op's last one, with all its wrapping. If ctx ended the loop, it is
// joined with context.Cause(ctx): errors.Is and errors.As find both. If ctx had
// ended before the start, op is not run and the error is the cause alone. A result
// of op that is nil counts even if ctx has ended meanwhile.
func Do(ctx context.Context, p Policy, o Options, op func(context.Context) error) error {
	var waits backoff.BackOff = jittered{p.exponential(), o.Rand}
	if o.Attempts > 0 {
		waits = backoff.WithMaxRetries(waits, uint64(o.Attempts-1))
	}
	var last error // of op
	err := backoff.RetryNotify(func() error {
		if ctx.Err() != nil {
			return backoff.Permanent(ctx.Err()) // before the start, or at once with the wait's timer
		}
		last = op(ctx)
		if _, ok := errors.AsType[*backoff.PermanentError](last); ok {
			return backoff.Permanent(last) // with all that wraps it
		}
		return last
	}, backoff.WithContext(waits, ctx), o.Notify)
	if err != nil && err == ctx.Err() { // the context ended the loop, not op
		return interrupted(last, context.Cause(ctx))
	}
	return err
}

// jittered is exponential backoff with full jitter, as a backoff.BackOff.
type jittered struct {
	*backoff.ExponentialBackOff // the ceilings
	rand                        *rand.Rand
}

// NextBackOff implements backoff.BackOff.
func (j jittered) NextBackOff() time.Duration {
	return draw(j.ExponentialBackOff.NextBackOff(), j.rand)
}

// Permanent marks an error after which Do does not try again. It reads as err
// does and unwraps to it; it may be wrapped further. Permanent(nil) is nil.
func Permanent(err error) error { return backoff.Permanent(err) }

// interrupted joins op's last error with the reason why it was not tried again.
func interrupted(last, cause error) error {
	switch {
	case last == nil: // op never ran
		return cause
	case errors.Is(last, cause):
		return last
	}
	return &interruptedError{last: last, cause: cause}
}

type interruptedError struct{ last, cause error }

func (e *interruptedError) Error() string {
	return e.last.Error() + " (not tried again: " + e.cause.Error() + ")"
}

func (e *interruptedError) Unwrap() []error { return []error{e.last, e.cause} }
