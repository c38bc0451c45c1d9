package managedthings_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/managedthings"
)

// Not one byte of a call that comes too late reaches the wire: whether it was too late from
// the start, or time ran out while it waited for its connection, a fresh or a kept one.
func TestACallThatIsTooLateIsNotWritten(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var bytes atomic.Int64
	go serve(l, &bytes)
	defer l.Close()
	var connecting func() // called before a request gets its connection
	client := clientOf(t, "http://"+l.Addr().String(), awshttp.New(awshttp.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GetConn: func(string) { connecting() }})
		return http.DefaultTransport.RoundTrip(r.WithContext(ctx))
	})}))
	call := func(ctx context.Context, notAfter time.Time) error {
		in := input
		in.NotAfter = notAfter
		_, err := client.UpdateManagedThing(ctx, in)
		return err
	}
	for _, connection := range []string{"fresh", "kept"} {
		before := bytes.Load()
		connecting = func() { t.Error("it asks for a connection") }
		if err := call(t.Context(), time.Now().Add(-time.Nanosecond)); !errors.Is(err, managedthings.ErrTooLate) {
			t.Errorf("late from the start: %v", err)
		}
		const left = 50 * time.Millisecond
		connecting = func() { time.Sleep(2 * left) }
		if err := call(t.Context(), time.Now().Add(left)); !errors.Is(err, managedthings.ErrTooLate) {
			t.Errorf("late once it had a connection that is %s: %v", connection, err)
		}
		if n := bytes.Load() - before; n > 0 {
			t.Errorf("%d bytes were written on a connection that is %s", n, connection)
		}
		connecting = func() {}
		if err := call(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Errorf("a call in time: %v", err)
		}
	}
}

// serve answers 204 to whatever comes in one piece, and counts its bytes.
func serve(l net.Listener, bytes *atomic.Int64) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buffer := make([]byte, 64<<10)
			for {
				n, err := c.Read(buffer)
				if err != nil {
					return
				}
				bytes.Add(int64(n))
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") // the client sees it if this fails
			}
		}()
	}
}
