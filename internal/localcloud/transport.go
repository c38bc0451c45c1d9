package localcloud

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"syscall"
)

// Transport serves requests in process. It opens no socket, so it works in a
// testing/synctest bubble. A broken connection is a net.OpError with
// ECONNRESET; a cancelled request returns its context's cause at once, as
// net/http does, and its handler ends by the same context.
func (c *Cloud) Transport() http.RoundTripper { return transport{c} }

type transport struct{ cloud *Cloud }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	hooks := httptrace.ContextClientTrace(ctx)
	if hooks != nil && hooks.GotConn != nil {
		hooks.GotConn(httptrace.GotConnInfo{}) // as net/http does right before it writes
	}
	var body []byte
	if req.Body != nil {
		defer req.Body.Close()
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	if req.ContentLength > 0 && int64(len(body)) != req.ContentLength {
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", req.ContentLength, len(body))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if hooks != nil && hooks.WroteRequest != nil {
		hooks.WroteRequest(httptrace.WroteRequestInfo{}) // as net/http does before it reads the answer
	}
	in := req.Clone(ctx)
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	// A server sees the path as it was on the wire, whatever the client's URL
	// says about how it came to be.
	u, err := url.ParseRequestURI(in.RequestURI)
	if err != nil {
		return nil, err
	}
	in.URL = u
	if len(body) > 0 {
		in.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}

	w := httptest.NewRecorder()
	done := make(chan error, 1) // room for one: the handler ends though nobody waits any more
	go func() { done <- run(t.cloud.serve, w, in) }()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
		out := w.Result()
		out.Header.Set("Date", t.cloud.now().UTC().Format(http.TimeFormat))
		out.ContentLength, out.Request = int64(w.Body.Len()), req
		return out, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run turns the panic that breaks a real connection into the error that its
// client would see. Any other panic is a fault of this package and goes on.
func run(serve http.HandlerFunc, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		default:
			panic(p)
		}
	}()
	serve(w, r)
	return nil
}
