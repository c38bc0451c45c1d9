package managedthings

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// ErrTooLate says that a call was not made, because the caller's hold on the thing would
// not have outlasted it. Nothing was sent.
var ErrTooLate = errors.New("UpdateManagedThing: not sent: the hold on the thing would not outlast the call; the process must have stood still")

// deadlineBody is a request's body that is taken away if notAfter has passed when the
// request is about to be written: a process may be stopped for minutes at any point, or
// wait so long for a connection. net/http puts the headers in a buffer, finds that the
// body is not as long as they say, and sends nothing (HTTP/2: no body, so that there is
// no request). After this check no code of ours runs before the request is on the wire.
//
// It is a plain *bytes.Reader to net/http, which would send the headers ahead of
// any other body, in a packet of their own.
type deadlineBody struct {
	body     []byte
	notAfter time.Time // zero: no bound
	reader   *bytes.Reader
	late     atomic.Bool
}

// open returns the body from its beginning.
func (b *deadlineBody) open() (io.ReadCloser, error) {
	if b.tooLate() {
		return nil, ErrTooLate
	}
	b.reader = bytes.NewReader(b.body)
	return io.NopCloser(b.reader), nil
}

// connected is called when the request has its connection and is written next.
func (b *deadlineBody) connected() {
	if b.tooLate() {
		b.reader.Reset(nil)
	}
}

// tooLate looks at both clocks: the monotonic one stands still while a machine is
// suspended.
func (b *deadlineBody) tooLate() bool {
	if b.notAfter.IsZero() {
		return false
	}
	now := time.Now()
	if now.After(b.notAfter) || now.Round(0).After(b.notAfter.Round(0)) {
		b.late.Store(true)
		return true
	}
	return false
}
