package updater

import (
	"context"
	"time"
)

// The causes of a call's end by its timeout.
var (
	errCallTimeout  error = tookTooLong("the call took longer than WORKER_CALL_TIMEOUT")
	errProbeTimeout error = tookTooLong("the probe took longer than it may while the circuit is open")
)

// tookTooLong is context.DeadlineExceeded in words of our own.
type tookTooLong string

func (t tookTooLong) Error() string      { return string(t) }
func (tookTooLong) Is(target error) bool { return target == context.DeadlineExceeded }

// limit bounds the time of the calls that one goroutine makes, one after the other.
// One context serves them all until a call does run out of time, as most do not, and
// each of its own would cost a call a timer and its way into the context above it.
type limit struct {
	of      context.Context
	current context.Context
	end     context.CancelCauseFunc
	cause   error
	timer   *time.Timer
}

// start returns a call's context. It ends with cause after timeout, unless stop comes
// first.
func (l *limit) start(timeout time.Duration, cause error) context.Context {
	if l.current == nil || l.cause != cause || l.current.Err() != nil {
		l.close()
		ctx, end := context.WithCancelCause(l.of)
		l.current, l.end, l.cause = ctx, end, cause
		l.timer = time.AfterFunc(timeout, func() { end(cause) })
		return ctx
	}
	l.timer.Reset(timeout)
	return l.current
}

// stop says that the call has ended.
func (l *limit) stop() {
	if !l.timer.Stop() {
		l.close() // its time has run out, in this very moment perhaps
	}
}

func (l *limit) close() {
	if l.end != nil {
		l.timer.Stop()
		l.end(context.Canceled)
		l.current, l.end = nil, nil
	}
}
