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
	// Attempts is how many errors that count end the loop; 0 or less is no limit.
	Attempts int
	// Counts tells whether an error uses up one of Attempts. Nil: each does.
	Counts func(err error) bool
	// Floor is the shortest wait after an error, the server's wish; see
	// Policy.Delay for its bounds. Nil: none.
	Floor func(err error) time.Duration
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
// The error is op's last one, with all its wrapping. Where ctx ended the loop,
// it is joined with context.Cause(ctx): errors.Is and errors.As find both. Where
// ctx had ended before the start, op is not run and the error is the cause
// alone. A result of op that is nil counts even if ctx has ended meanwhile.
func Do(ctx context.Context, p Policy, o Options, op func(context.Context) error) error {
	w := &waits{ExponentialBackOff: p.exponential(), options: o}
	err := backoff.RetryNotify(func() error {
		if ctx.Err() != nil {
			return backoff.Permanent(ctx.Err()) // before the start, or at once with the wait's timer
		}
		w.last = op(ctx)
		if _, ok := errors.AsType[*permanentError](w.last); ok {
			return backoff.Permanent(w.last) // with all that wraps it
		}
		return w.last
	}, backoff.WithContext(w, ctx), o.Notify)
	if err != nil && err == ctx.Err() { // the context ended the loop, not op
		return interrupted(w.last, context.Cause(ctx))
	}
	return err
}

// waits is the backoff.BackOff of one loop: the waits of a Policy, until the attempts
// are used up.
type waits struct {
	*backoff.ExponentialBackOff // the ceilings
	options                     Options
	last                        error // op's newest error
	counted                     int   // errors that used up an attempt; the waits grow with the others as well
}

// NextBackOff implements backoff.BackOff.
func (w *waits) NextBackOff() time.Duration {
	if w.options.Counts == nil || w.options.Counts(w.last) {
		w.counted++
	}
	if w.options.Attempts > 0 && w.counted >= w.options.Attempts {
		return backoff.Stop
	}
	var floor time.Duration
	if w.options.Floor != nil {
		floor = w.options.Floor(w.last)
	}
	return wait(w.ExponentialBackOff.NextBackOff(), floor, w.options.Rand)
}

// Permanent marks an error after which Do does not try again. It reads as err
// does and unwraps to it; it may be wrapped further. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

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
