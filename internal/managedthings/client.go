// Package managedthings is the client of the one operation the worker calls,
// UpdateManagedThing of managed integrations for AWS IoT Device Management, and
// of GetManagedThing, which only the doctor's probe calls. It stands on the core
// of the SDK for Go: credentials, endpoint settings, SigV4 signer and error types
// are the SDK's.
//
// It makes one attempt a call and judges nothing: retries, and which error
// means what for a message, are the caller's.
//
// The SDK has a typed client (aws-sdk-go-v2/service/iotmanagedintegrations), which would
// decode each value and encode it anew. Through this one, values reach the API byte for
// byte as they were written.
package managedthings

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/message"
)

// Options of a client.
type Options struct {
	// HTTP sends the requests. Nil: an awshttp.Client of its own.
	HTTP aws.HTTPClient
	// ClockAhead is how far AWS's clock was found to be ahead of ours; below 0 it is
	// behind. A refusal for the clock corrects it.
	ClockAhead time.Duration
}

// Client calls the API. Safe for use by many goroutines.
type Client struct {
	endpoint    *url.URL
	things      thingsPath
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	send        func(*http.Request) (*http.Response, error)
	userAgent   []string

	correctsClock bool
	clockOffset   atomic.Int64 // nanoseconds by which the API's clock is ahead of ours
}

// Input is one call: the thing, and the members to set as the producer wrote them.
type Input struct {
	Identifier string // not empty
	Members    []message.Member
	// NotAfter is when the caller's hold on the thing no longer outlasts a call: the
	// request is not written later than that, see ErrTooLate. It has the monotonic
	// clock's reading. Zero is no bound.
	NotAfter time.Time
	// Written, if set, is called once the request is written and the answer is waited
	// for, from any goroutine; not if the call fails before.
	Written func()
}

// Output is what a successful call answers.
type Output struct {
	RequestID string
}

// New makes a client from the SDK's settings. It returns an error that names
// the setting if cfg has no usable Region, a custom endpoint that is no URL,
// or a custom endpoint together with FIPS.
func New(cfg aws.Config, o Options) (*Client, error) {
	endpoint, err := resolveEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	agent, err := userAgent(cfg)
	if err != nil {
		return nil, err
	}
	if o.HTTP == nil {
		o.HTTP = awshttp.ForConfig(cfg, awshttp.Options{})
	}
	send := o.HTTP.Do
	if direct, ok := o.HTTP.(*awshttp.Client); ok {
		send = direct.RoundTrip // it need not guard a body that we do not close
	}
	c := &Client{
		endpoint: endpoint, things: thingsPathAt(endpoint), region: cfg.Region, credentials: cfg.Credentials,
		signer: v4.NewSigner(), send: send, userAgent: agent,
		correctsClock: !cfg.DisableClockSkewCorrection,
	}
	if c.correctsClock && o.ClockAhead.Abs() > awserror.ClockLimit {
		c.clockOffset.Store(int64(o.ClockAhead))
	}
	return c, nil
}

// ClockAhead is how far the API's clock is ahead of ours, by the last refusal that told;
// 0 until then.
func (c *Client) ClockAhead() time.Duration { return time.Duration(c.clockOffset.Load()) }

// Endpoint is where the calls go, as a URL.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// UpdateManagedThing sets the members of one thing. Those left out stay as they
// are.
//
// Errors: ErrTooLate if nothing was sent because in.NotAfter has passed;
// *CredentialsError if the call could not be signed; *TransportError if no answer came,
// with ctx's cause in it if ctx ended the call; *APIError for any answer but 204. After a *TransportError with Sent set the values
// may be applied, now or later.
func (c *Client) UpdateManagedThing(ctx context.Context, in Input) (Output, error) {
	if in.Identifier == "" {
		return Output{}, errors.New("managedthings: the Identifier is empty")
	}
	body := &deadlineBody{body: encode(in.Members), notAfter: in.NotAfter}
	connection := &connTrace{body: body, written: in.Written}
	r := c.request(connection.watch(ctx), http.MethodPut, in.Identifier, body)
	err := c.sign(ctx, update, r, body.body)
	if err == nil {
		r.Body, err = body.open()
	}
	if err != nil {
		return Output{}, err
	}
	return c.call(ctx, r, connection, in.Members)
}

// connTrace tells whether a call got a connection. net/http calls its hooks from several
// goroutines.
type connTrace struct {
	asked, got atomic.Bool
	body       *deadlineBody
	written    func() // may be nil
}

func (t *connTrace) watch(ctx context.Context) context.Context {
	hooks := &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true); t.body.connected() },
	}
	if t.written != nil {
		hooks.WroteRequest = func(wrote httptrace.WroteRequestInfo) {
			if wrote.Err == nil {
				t.written()
			}
		}
	}
	return httptrace.WithClientTrace(ctx, hooks)
}

// sent is false only if it is certain that no byte of the request went out.
func (t *connTrace) sent() bool { return t.got.Load() || !t.asked.Load() }

// call makes the call. A crash from here on leaves behind values that may be
// applied or not; that they were about to be sent must be on record already.
func (c *Client) call(ctx context.Context, r *http.Request, connection *connTrace, members []message.Member) (Output, error) {
	answer, err := c.send(r)
	if connection.body.late.Load() {
		if err == nil {
			answer.Body.Close() // a request without its body changed nothing
		}
		return Output{}, ErrTooLate
	}
	if err != nil {
		return Output{}, transportError(ctx, update, err, connection.sent())
	}
	defer answer.Body.Close()
	if answer.Body != http.NoBody {
		// What is left of a short answer is read so that the connection can be used again.
		defer io.CopyN(io.Discard, answer.Body, maxAnswer)
	}
	if answer.StatusCode == http.StatusNoContent { // any other 2xx comes from a proxy or a login page
		return Output{RequestID: requestID(answer.Header)}, nil
	}
	return Output{}, c.refusal(update, answer, members)
}

// refusal reads an answer that is no success, and learns from it what time it is.
func (c *Client) refusal(o operation, answer *http.Response, members []message.Member) *APIError {
	now := time.Now()
	failure := apiError(o, answer, now, members)
	c.correctClock(failure.Code, answer.Header, now)
	return failure
}
