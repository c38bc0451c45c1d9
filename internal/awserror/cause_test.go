package awserror_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"managed-thing-updater/internal/awserror"
)

// refused is what a client of the SDK returns for an answer.
func refused(status int, code string, date time.Time) error {
	h := http.Header{}
	if !date.IsZero() {
		h.Set("Date", date.UTC().Format(http.TimeFormat))
	}
	return of("SQS", &sdkhttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: h}},
		Err:      &smithy.GenericAPIError{Code: code},
	}})
}

// between is what a client of the SDK returns for an answer that it cannot read.
func between(status int) error {
	return of("SQS", &sdkhttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.DeserializationError{Err: errors.New("invalid character '<' looking for beginning of value")},
	}})
}

func of(service string, err error) error {
	return &smithy.OperationError{ServiceID: service, OperationName: "Something", Err: err}
}

func TestCauses(t *testing.T) {
	now := time.Now()
	sts := of("STS", &smithy.GenericAPIError{Code: "AccessDenied"})
	for name, c := range map[string]struct {
		err    error
		kind   awserror.Kind
		what   string
		fix    string
		person bool
	}{
		"none":                   {nil, awserror.Fine, "", "", false},
		"SQS denies":             {refused(403, "AccessDenied", now), awserror.Denied, "SQS denies ReceiveMessage", "sqs:ReceiveMessage on the source queue", true},
		"the modelled denial":    {refused(400, "AccessDeniedException", now), awserror.Denied, "SQS denies", "sqs:ReceiveMessage", true},
		"the older denial":       {refused(403, "AWS.SimpleQueueService.AccessDenied", now), awserror.Denied, "SQS denies", "sqs:ReceiveMessage", true},
		"KMS denies":             {refused(400, "KMS.AccessDeniedException", now), awserror.NoKey, "KMS", "kms:Decrypt", true},
		"KMS denies, modelled":   {refused(400, "KmsAccessDenied", now), awserror.NoKey, "KMS", "kms:Decrypt", true},
		"a disabled key":         {refused(400, "KmsDisabled", now), awserror.NoKey, "KMS", "enable", true},
		"a key that is not":      {refused(400, "KMS.NotFoundException", now), awserror.NoKey, "KMS", "exists", true},
		"KMS throttles":          {refused(400, "KMS.ThrottlingException", now), awserror.Throttled, "KMS throttles", "KmsDataKeyReusePeriodSeconds", false},
		"SQS throttles":          {refused(403, "RequestThrottled", now), awserror.Throttled, "SQS throttles", "wait", false},
		"STS denies":             {of("SQS", fmt.Errorf("get identity: %w", sts)), awserror.NoCredentials, "STS gives", "trust policy", true},
		"STS denies, marked":     {&awserror.CredentialsError{Err: sts}, awserror.NoCredentials, "STS gives", "AWS_ROLE_ARN", true},
		"a token not accepted":   {of("SQS", of("STS", &smithy.GenericAPIError{Code: "InvalidIdentityToken"})), awserror.NoCredentials, "STS gives", "OIDC", true},
		"STS out of reach":       {of("SQS", of("STS", errors.New("dial"))), awserror.NoCredentials, "STS gives", "NAT gateway", true},
		"no instance role":       {of("SQS", of("ec2imds", errors.New("404"))), awserror.NoCredentials, "metadata service", "hop limit", true},
		"no agent":               {of("SQS", &awserror.CredentialsError{Err: errors.New("connection refused")}), awserror.NoCredentials, "no AWS credentials", "its agent", true},
		"a session that is over": {of("SQS", of("SSO", errors.New("expired"))), awserror.NoCredentials, "Identity Center", "aws sso login", true},
		"expired":                {refused(403, "ExpiredToken", now), awserror.BadCredentials, "does not accept", "renew", true},
		"a wrong secret":         {refused(403, "SignatureDoesNotMatch", now.Add(3*time.Minute)), awserror.BadCredentials, "does not accept", "keys", true},
		"a wrong clock":          {refused(403, "SignatureDoesNotMatch", now.Add(10*time.Minute)), awserror.SkewedClock, "behind AWS's", "NTP", false},
		"a clock ahead":          {refused(403, "InvalidSignatureException", now.Add(-10*time.Minute)), awserror.SkewedClock, "ahead of AWS's", "NTP", false},
		"no queue":               {refused(400, "AWS.SimpleQueueService.NonExistentQueue", now), awserror.NoQueue, "does not exist", "WORKER_QUEUE_URL", true},
		"no queue's URL":         {refused(404, "InvalidAddress", now), awserror.NoQueueURL, "URL", "WORKER_QUEUE_URL", true},
		"too much in flight":     {refused(403, "OverLimit", now), awserror.Other, "ReceiveMessage fails", "in flight", false},
		"in trouble":             {refused(503, "ServiceUnavailable", now), awserror.Trouble, "in trouble", "Health Dashboard", false},
		"a new code":             {refused(400, "SomethingNew", now), awserror.Other, "ReceiveMessage fails", "own words", false},
		"no answer":              {of("SQS", errors.New("reset")), awserror.NoAnswer, "SQS gives no answer", "NAT gateway", false},
		"a login page":           {between(200), awserror.InBetween, "not SQS", "NO_PROXY", false},
		"a proxy refuses":        {between(403), awserror.InBetween, "not SQS", "AWS_ENDPOINT_URL_SQS", false},
		"a balancer":             {between(502), awserror.Trouble, "in trouble", "wait", false},
		"too late":               {of("SQS", context.DeadlineExceeded), awserror.NoAnswer, "no answer", "NAT gateway", false},
		"no proxy":               {of("SQS", &net.OpError{Op: "proxyconnect", Err: errors.New("refused")}), awserror.NoAnswer, "the proxy", "NO_PROXY", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := awserror.Request{Action: "ReceiveMessage", Permission: "sqs:ReceiveMessage on the source queue", Setting: "WORKER_QUEUE_URL"}
			cause := awserror.Of(c.err)
			what, fix := cause.What(r), cause.Fix(r)
			if cause.Kind != c.kind || cause.NeedsAPerson() != c.person {
				t.Errorf("kind %d, a person's %v: %+v", cause.Kind, cause.NeedsAPerson(), cause)
			}
			if !strings.Contains(what, c.what) || !strings.Contains(fix, c.fix) || strings.ContainsAny(what+fix, "{}") {
				t.Errorf("%q: %q, want %q: %q", what, fix, c.what, c.fix)
			}
			if c.err != nil && (what == "" || fix == "" || cause.Code == "") {
				t.Errorf("nothing is said: %q, %q, code %q", what, fix, cause.Code)
			}
		})
	}
}

// A queue that takes less than a letter refuses it by the code that it has for a URL, too.
func TestALetterThatIsRefusedForWhatItCarriesIsNoWrongURL(t *testing.T) {
	r := awserror.Request{Action: "SendMessageBatch", Setting: "WORKER_DLQ_URL"}
	for code, url := range map[string]bool{
		"InvalidParameterValue": false, "InvalidMessageContents": false, "AWS.SimpleQueueService.BatchRequestTooLong": false,
		"InvalidAddress": true,
	} {
		cause := awserror.Of(refused(400, code, time.Now()))
		said := cause.What(r) + ": " + cause.Fix(r)
		if strings.Contains(said, "URL as SQS shows it") != url || strings.Contains(said, "MaximumMessageSize") == url {
			t.Errorf("%s: %s", code, said)
		}
	}
}

func TestMarkedCredentials(t *testing.T) {
	none := errors.New("no role here")
	p := awserror.Marked(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, none }))
	_, err := p.Retrieve(t.Context())
	if marked, ok := errors.AsType[*awserror.CredentialsError](err); !ok || !errors.Is(marked, none) {
		t.Errorf("error %v", err)
	}
}
