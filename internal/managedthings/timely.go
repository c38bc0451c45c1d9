package managedthings

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// ErrTooLate says that a call was not made, as its caller's hold on the thing
// would have ended before it. Nothing was sent.
var ErrTooLate = errors.New("UpdateManagedThing: not sent: the hold on the thing would not outlast the call; the process must have stood still")

// timely is a request's body, which is taken away where notAfter has passed when
// the request is about to be written: a process may be stopped for minutes at any
// point, or wait so long for a connection. net/http puts the headers in a buffer,
// finds that the body is not as long as they say, and sends nothing (HTTP/2: no
// body, so that there is no request). Behind the check no other of ours can help.
//
// It is a plain *bytes.Reader to net/http, which would send the headers ahead of
// any other body, in a packet of their own.
type timely struct {
	body     []byte
	notAfter time.Time // zero: no bound
	reader   *bytes.Reader
	late     atomic.Bool
}

// open returns the body from its beginning.
func (t *timely) open() (io.ReadCloser, error) {
	if t.tooLate() {
		return nil, ErrTooLate
	}
	t.reader = bytes.NewReader(t.body)
	return io.NopCloser(t.reader), nil
}

// connected is called when the request has its connection and is written next.
func (t *timely) connected() {
	if t.tooLate() {
		t.reader.Reset(nil)
	}
}

// tooLate looks at both clocks: the monotonic one stands still while a machine is
// suspended.
func (t *timely) tooLate() bool {
	if t.notAfter.IsZero() {
		return false
	}
	now := time.Now()
	if now.After(t.notAfter) || now.Round(0).After(t.notAfter.Round(0)) {
		t.late.Store(true)
		return true
	}
	return false
}
