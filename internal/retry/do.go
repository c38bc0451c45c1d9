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
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := &waits{policy: p, options: o}
	// backoff's own verdict is not used: it drops the cause, the operation's last
	// error, or what wraps a permanent one. w keeps what really happened.
	ended := backoff.RetryNotify(func() error {
		if ctx.Err() != nil {
			return errEnded // the wait's timer and the context ended at once
		}
		w.last = op(ctx)
		if _, ok := errors.AsType[*permanentError](w.last); ok {
			return backoff.Permanent(w.last)
		}
		return w.last
	}, backoff.WithContext(w, ctx), o.Notify)
	switch {
	case ended == nil:
		return nil
	case w.final():
		return w.last
	case ctx.Err() != nil:
		return interrupted(w.last, context.Cause(ctx))
	}
	return w.last
}

// waits is one loop's state, a backoff.BackOff.
type waits struct {
	policy   Policy
	options  Options
	last     error // op's newest error
	failures int   // all of them: the wait grows with throttles as well
	counted  int   // those that used up an attempt
	usedUp   bool
}

func (w *waits) Reset() {}

func (w *waits) NextBackOff() time.Duration {
	w.failures++
	if w.options.Counts == nil || w.options.Counts(w.last) {
		w.counted++
		if w.options.Attempts > 0 && w.counted >= w.options.Attempts {
			w.usedUp = true
			return backoff.Stop
		}
	}
	var floor time.Duration
	if w.options.Floor != nil {
		floor = w.options.Floor(w.last)
	}
	return w.policy.Delay(w.failures, floor, w.options.Rand)
}

// final reports whether the loop ended by itself, whatever became of the context.
func (w *waits) final() bool {
	_, permanent := errors.AsType[*permanentError](w.last)
	return permanent || w.usedUp
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

var errEnded = backoff.Permanent(errors.New("retry: the context has ended"))

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
