package awshttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// own returns r with a body that belongs to net/http alone, and closes r's own.
//
// The SDK closes a request's body as soon as Do has returned (smithy-go
// v1.28.8, transport/http/client.go). Where the server is quick to answer,
// net/http's write loop is not at its end by then: it takes the closed body for
// one that is too short, and closes the connection while the answer is still
// being read. That answer is lost ("use of closed network connection"), and with
// a ReceiveMessage's its messages, until their visibility timeout ends.
//
// A body that can be had again from GetBody, as http.NewRequest sets for what is
// in memory, is not copied.
func own(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	defer r.Body.Close()
	again := r.GetBody
	length := r.ContentLength
	if again == nil {
		data, err := readBody(r.Body, length)
		if err != nil {
			return nil, err
		}
		length = int64(len(data))
		again = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	body, err := again()
	if err != nil {
		return nil, fmt.Errorf("awshttp: get the request's body: %w", err)
	}
	owned := r.WithContext(r.Context()) // a shallow copy: r is the caller's
	if length == 0 && r.GetBody == nil {
		body = http.NoBody // net/http takes any other body without a length for one of unknown length
	}
	// With GetBody, net/http sends a request again by itself if a kept connection turns
	// out to be dead before a byte of it was written, and only then.
	owned.Body, owned.GetBody, owned.ContentLength = body, again, length
	return owned, nil
}

// readBody reads all of a body, whose length is not known if it is 0 or less.
func readBody(body io.Reader, length int64) ([]byte, error) {
	if length <= 0 {
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, fmt.Errorf("awshttp: read the request's body: %w", err)
		}
		return data, nil
	}
	data := make([]byte, length)
	if n, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("awshttp: the request's body ends after %d of its %d bytes: %w", n, length, err)
	}
	if n, err := body.Read(make([]byte, 1)); n > 0 {
		return nil, fmt.Errorf("awshttp: the request's body is longer than its Content-Length of %d", length)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("awshttp: read the request's body: %w", err)
	}
	return data, nil
}
