// Package awshttp is the HTTP client under both AWS clients. It keeps connections for as
// many calls as go on at once, it waits for an answer longer than a long poll takes, and
// it never hands net/http a body that other code may close.
package awshttp

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	dialTimeout = 5 * time.Second
	tlsTimeout  = 5 * time.Second
	// After such a silence an HTTP/2 connection is pinged, and has so long to answer: a
	// NAT that forgot a connection says nothing.
	pingAfter   = 15 * time.Second
	pingTimeout = 5 * time.Second
)

// Options of a client.
type Options struct {
	// Connections is how many calls go on at once: so many idle connections are
	// kept to each host. Below 1 is the SDK's default of 10.
	Connections int
	// HeaderTimeout bounds the time from the request's last byte to the answer's
	// first; it must exceed SQS's long poll, of at most 20 s. 0 is no bound.
	HeaderTimeout time.Duration
	// Transport carries the requests. Nil: one of its own, made from the SDK's
	// defaults (proxy from the environment, TLS 1.2, HTTP/2 if offered).
	// Connections and HeaderTimeout shape only that one.
	Transport http.RoundTripper
}

// Client implements aws.HTTPClient. Safe for use by many goroutines.
type Client struct{ transport http.RoundTripper }

var _ aws.HTTPClient = (*Client)(nil)

// New makes a client with Options.
func New(o Options) *Client { return build(Base(), o) }

// ForConfig is New with what cfg's own HTTP client was told, above all a bundle of
// certificate authorities (AWS_CA_BUNDLE).
func ForConfig(cfg aws.Config, o Options) *Client {
	if base, ok := cfg.HTTPClient.(*sdkhttp.BuildableClient); ok {
		return build(base, o)
	}
	return New(o)
}

func build(base *sdkhttp.BuildableClient, o Options) *Client {
	transport := o.Transport
	if transport == nil {
		transport = ownTransport(base, o)
	}
	return &Client{transport}
}

func ownTransport(base *sdkhttp.BuildableClient, o Options) *http.Transport {
	t := base.WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).GetTransport()
	t.TLSHandshakeTimeout = tlsTimeout
	t.ResponseHeaderTimeout = o.HeaderTimeout
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	if o.Connections > 0 {
		t.MaxIdleConnsPerHost = o.Connections
		t.MaxIdleConns = max(t.MaxIdleConns, 2*o.Connections) // two hosts: SQS and the API
		t.MaxConnsPerHost = max(t.MaxConnsPerHost, o.Connections)
	}
	return t
}

// Do sends r and returns the answer. It is one round trip and follows no redirect: a
// signed request, with its session token, goes only to the host that it was signed for.
// r's body is closed when Do returns, and not read afterwards.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	owned, err := own(r)
	if err != nil {
		return nil, err
	}
	return c.RoundTrip(owned)
}

// RoundTrip is Do for a request whose body only net/http closes.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) { return c.transport.RoundTrip(r) }

// CloseIdleConnections closes the connections that no call uses.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
