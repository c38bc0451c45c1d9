package awserror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind is what a failed request is about. It decides who must change what.
type Kind int

// The kinds.
const (
	Fine           Kind = iota // nothing failed
	Denied                     // the caller may not do what it asked
	NoKey                      // KMS does not let the queue's key be used
	BadCredentials             // AWS does not accept the credentials or the signature
	SkewedClock                // the same, and the clock here is the reason
	NoCredentials              // none could be had, so nothing was asked
	NoQueue                    // there is no such queue
	NoQueueURL                 // what was given is no queue's URL
	Throttled
	Trouble   // AWS answered with a 5xx
	NoAnswer  // the network, a proxy, or time ran out
	InBetween // something answered that is not AWS: a proxy, a login page
	Other     // refused for something else in the request
)

// Cause is who kept a request from being answered as asked, and by what word.
type Cause struct {
	Kind Kind
	// Who answered, or was asked and did not: SQS, KMS, STS, … Empty if that is not known.
	Who string
	// Code is AWS's code, short, or a name of ours for what has none: timeout,
	// connection, proxy, no_credentials, not_aws.
	Code string
	// Skew is by how much the clock here is ahead of AWS's, by the Date of the answer;
	// 0 if there was none.
	Skew time.Duration
}

// CredentialsError says that no credentials could be had, so nothing was asked.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

// Marked is p with its errors marked as *CredentialsError. So STS's refusal of a role is not
// taken for an answer of the service that the role was meant for.
func Marked(p aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := p.Retrieve(ctx)
		if err != nil {
			err = &CredentialsError{err}
		}
		return c, err
	})
}

// ClockLimit is the difference between two clocks below which a refused signature has
// another reason: SigV4 allows 5 minutes (IAM User Guide, "Signature Version 4"), and 15 at
// some services.
const ClockLimit = 4 * time.Minute

// MayBeTheClock reports whether code is a refusal that a wrong clock explains.
func MayBeTheClock(code string) bool { return clockCodes[bare(code)] }

var clockCodes = map[string]bool{
	"SignatureDoesNotMatch": true, "InvalidSignature": true, "AuthFailure": true,
	"RequestTimeTooSkewed": true, "RequestExpired": true, "RequestInTheFuture": true,
}

// Of finds the cause of err, which is what a client of AWS returned.
func Of(err error) Cause {
	if err == nil {
		return Cause{}
	}
	asked, last := services(err)
	c := Cause{Who: last}
	api, answered := errors.AsType[smithy.APIError](err)
	if answered {
		c.Code = Short(api.ErrorCode())
	} else {
		c.Kind, c.Code = unanswered(err)
	}
	_, marked := errors.AsType[*CredentialsError](err)
	switch {
	case marked, asked != last:
		c.Kind = NoCredentials
		if asked == last && !isSource[last] {
			c.Who = ""
		}
		if !answered && c.Code == "connection" {
			c.Code = "no_credentials"
		}
		return c
	case !answered:
		return c
	case isKMS(c.Code):
		c.Who = "KMS"
	}
	c.Kind = c.entry().kind
	status, date := answerOf(err)
	if !date.IsZero() {
		c.Skew = time.Since(date)
	}
	_, throttled := awsretry.DefaultThrottleErrorCodes[api.ErrorCode()]
	switch {
	case throttled, status == http.StatusTooManyRequests:
		c.Kind = Throttled
	case c.Kind == BadCredentials && MayBeTheClock(c.Code) && c.Skew.Abs() > ClockLimit:
		c.Kind = SkewedClock
	case c.Kind == Other && (status >= http.StatusInternalServerError || api.ErrorFault() == smithy.FaultServer):
		c.Kind = Trouble
	}
	return c
}

// services are the first and the last service of the requests behind err. If they differ,
// the last was asked for credentials.
func services(err error) (first, last string) {
	for {
		op, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return first, last
		}
		if first == "" {
			first = op.Service()
		}
		last = op.Service()
		err = op.Err
	}
}

// isSource has the services that the SDK asks for credentials, by its own names.
var isSource = map[string]bool{"STS": true, "SSO": true, "SSO OIDC": true, "ec2imds": true, "Signin": true}

// answerOf is the status and the Date of the answer in err; zero if it has none. An
// answer from a cache tells no time.
func answerOf(err error) (status int, date time.Time) {
	answer, ok := errors.AsType[*sdkhttp.ResponseError](err)
	if !ok || answer.Response == nil {
		return 0, date
	}
	if answer.Response.Header.Get("Age") == "" {
		date, _ = smithyhttp.ParseTime(answer.Response.Header.Get("Date"))
	}
	return answer.HTTPStatusCode(), date
}

// unanswered is why AWS gave no code, and a name of ours for that.
func unanswered(err error) (Kind, string) {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return NoAnswer, "proxy"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return NoAnswer, "timeout"
	}
	status, _ := answerOf(err)
	_, cut := errors.AsType[net.Error](err)
	switch {
	case status >= http.StatusInternalServerError: // a load balancer's, of AWS or not
		return Trouble, "HTTP " + strconv.Itoa(status)
	case status == 0, cut, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		return NoAnswer, "connection"
	}
	return InBetween, "not_aws"
}

// Short is a code without the namespace of SQS's older protocol, as in
// AWS.SimpleQueueService.NonExistentQueue. KMS's own word stays as it is.
func Short(code string) string {
	if isKMS(code) {
		return strings.Clone(code)
	}
	return strings.Clone(code[strings.LastIndexAny(code, ".#")+1:])
}

func isKMS(code string) bool {
	return strings.HasPrefix(code, "KMS.") || strings.HasPrefix(code, "Kms")
}

// bare is a code without what its protocol adds: services write one code in several ways.
func bare(code string) string {
	code = strings.TrimPrefix(strings.TrimPrefix(Short(code), "KMS."), "Kms")
	return strings.TrimSuffix(code, "Exception")
}

func (c Cause) String() string {
	if c.Who == "" || c.Who == "SQS" {
		return c.Code
	}
	return fmt.Sprintf("%s, %s", c.Who, c.Code)
}
