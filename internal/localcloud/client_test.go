package localcloud_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/localcloud"
)

var goodCredentials = aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}

const localURL = "http://127.0.0.1:4566"

// queueClient is the real client of SQS, without retries.
func queueClient(c *localcloud.Cloud, creds aws.Credentials) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(localURL), HTTPClient: &http.Client{Transport: c.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
		Retryer:     aws.NopRetryer{},
	})
}

// queue is one queue as a consumer sees it.
type queue struct {
	t      *testing.T
	client *sqs.Client
	url    string
}

func newQueue(t *testing.T, c *localcloud.Cloud, name string, o localcloud.QueueOptions) queue {
	return queue{t, queueClient(c, goodCredentials), c.SQS.CreateQueue(name, o)}
}

func (q queue) receive(wait int) *sqs.ReceiveMessageOutput {
	q.t.Helper()
	out, err := q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 10, WaitTimeSeconds: int32(wait),
		MessageSystemAttributeNames: []systemAttribute{"All"}, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		q.t.Fatalf("ReceiveMessage: %v", err)
	}
	return out
}

func (q queue) delete(handle *string) error {
	_, err := q.client.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: handle})
	return err
}

func (q queue) setVisibility(handle *string, seconds int32) error {
	_, err := q.client.ChangeMessageVisibility(q.t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: handle, VisibilityTimeout: seconds,
	})
	return err
}

func bodies(out *sqs.ReceiveMessageOutput) string {
	var text strings.Builder
	for _, m := range out.Messages {
		text.WriteString(*m.Body)
	}
	return text.String()
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("error = %v, want code %q", err, want)
	}
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// caller signs and sends calls to the API, as a client of it would.
type caller struct {
	transport http.RoundTripper
	base      string
	creds     aws.Credentials
	at        time.Time // in place of now
	region    string
}

type answer struct {
	status int
	header http.Header
	body   string
}

func apiCaller(c *localcloud.Cloud) caller {
	return caller{transport: c.Transport(), creds: goodCredentials}
}

func (c caller) do(ctx context.Context, method, id, body string) (answer, error) {
	u, err := url.Parse(cmp.Or(c.base, localURL))
	if err != nil {
		return answer{}, err
	}
	u.Path, u.RawPath = "/managed-things/"+id, "/managed-things/"+url.QueryEscape(id)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader([]byte(body)))
	if err != nil {
		return answer{}, err
	}
	at := c.at
	if at.IsZero() {
		at = time.Now()
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, c.creds, req, hex.EncodeToString(sum[:]), "iotmanagedintegrations", cmp.Or(c.region, "eu-west-1"), at); err != nil {
		return answer{}, err
	}
	resp, err := (&http.Client{Transport: c.transport}).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func (c caller) put(ctx context.Context, id, body string) (answer, error) {
	return c.do(ctx, http.MethodPut, id, body)
}
