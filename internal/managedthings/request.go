package managedthings

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"github.com/aws/smithy-go/middleware"
	smithyrand "github.com/aws/smithy-go/rand"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/message"
)

const (
	serviceID   = "IoT Managed Integrations" // names the endpoint settings
	signingName = "iotmanagedintegrations"
	apiVersion  = "2025-03-03"
)

// encode puts the request's body together: the raw values, byte for byte. The
// Identifier is no part of it.
func encode(members []message.Member) []byte {
	size := len("{}")
	for _, m := range members {
		size += len(`"":,`) + len(m.Name) + len(m.Value)
	}
	body := append(make([]byte, 0, size), '{')
	for i, m := range members {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendQuote(body, m.Name) // one of the API's own names: letters
		body = append(body, ':')
		body = append(body, m.Value...)
	}
	return append(body, '}')
}

// thingsPath is the path of all things at an endpoint, as it is and escaped.
type thingsPath struct{ path, escaped string }

func thingsPathAt(endpoint *url.URL) thingsPath {
	const name = "/managed-things/"
	return thingsPath{strings.TrimSuffix(endpoint.Path, "/") + name, strings.TrimSuffix(endpoint.EscapedPath(), "/") + name}
}

// thingURL is the URL of one thing.
func (c *Client) thingURL(identifier string) *url.URL {
	to := *c.endpoint
	to.Path, to.RawPath = c.things.path+identifier, ""
	if strings.ContainsFunc(identifier, isEscaped) || c.things.path != c.things.escaped {
		// RawPath keeps net/url from writing ':' and others as they are: the service
		// expects all but A-Z a-z 0-9 - . _ ~ escaped, and the signature counts on it.
		to.RawPath = c.things.escaped + httpbinding.EscapePath(identifier, true)
	}
	return &to
}

func isEscaped(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' && r != '~'
}

// Values of headers that all requests share; nothing changes them in place.
var (
	jsonContent = []string{"application/json"}
	onlyAttempt = []string{"attempt=1; max=1"}
)

// blank has what all requests share.
var blank = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

func (c *Client) request(ctx context.Context, method, identifier string, body *deadlineBody) *http.Request {
	r := blank.WithContext(ctx)
	r.Method, r.URL, r.Host = method, c.thingURL(identifier), c.endpoint.Host
	r.Header = http.Header{"Content-Type": jsonContent, "User-Agent": c.userAgent}
	r.ContentLength, r.GetBody = int64(len(body.body)), body.open
	return r
}

var errNoCredentials = errors.New("none are set up: attach a role to the worker, or set AWS_PROFILE")

// sign signs the request with SigV4 and the credentials of the moment.
func (c *Client) sign(ctx context.Context, o operation, r *http.Request, body []byte) error {
	if c.credentials == nil {
		return &CredentialsError{Err: errNoCredentials, operation: o}
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		return &CredentialsError{Err: err, operation: o}
	}
	digest := sha256.Sum256(body)
	now := time.Now().Add(time.Duration(c.clockOffset.Load()))
	err = c.signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(digest[:]), signingName, c.region, now)
	if err != nil {
		return &CredentialsError{Err: fmt.Errorf("sign: %w", err), operation: o}
	}
	// Set after signing: they may be changed on the way, and nothing checks them.
	id, err := smithyrand.NewUUID(rand.Reader).GetUUID()
	if err != nil {
		return fmt.Errorf("managedthings: draw the id of a call: %w", err)
	}
	r.Header["Amz-Sdk-Invocation-Id"] = []string{id}
	r.Header["Amz-Sdk-Request"] = onlyAttempt
	return nil
}

// correctClock makes the next calls go by the API's clock, if a call was refused and our
// clock explains that. An answer from a cache tells no time.
func (c *Client) correctClock(code string, h http.Header, now time.Time) {
	if !c.correctsClock || !awserror.MayBeTheClock(code) || h.Get("Age") != "" {
		return
	}
	theirs, err := smithyhttp.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	offset := theirs.Sub(now)
	if (offset - time.Duration(c.clockOffset.Load())).Abs() > awserror.ClockLimit {
		c.clockOffset.Store(int64(offset))
	}
}

// userAgent is what the SDK's own clients send.
func userAgent(cfg aws.Config) ([]string, error) {
	agent := awsmiddleware.NewRequestUserAgent()
	agent.AddSDKAgentKeyValue(awsmiddleware.APIMetadata, signingName, apiVersion)
	if cfg.AppID != "" {
		agent.AddSDKAgentKey(awsmiddleware.ApplicationIdentifier, cfg.AppID)
	}
	r := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	_, _, err := agent.HandleBuild(context.Background(), middleware.BuildInput{Request: r}, middleware.BuildHandlerFunc(
		func(context.Context, middleware.BuildInput) (out middleware.BuildOutput, m middleware.Metadata, err error) {
			return
		}))
	if err != nil {
		return nil, fmt.Errorf("managedthings: put together the User-Agent: %w", err)
	}
	return r.Header.Values("User-Agent"), nil
}
