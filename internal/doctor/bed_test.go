package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/localcloud"
)

const endpoint = "http://127.0.0.1:4566"

// bed is a set-up in which nothing is wrong until something is planted.
type bed struct {
	t             *testing.T
	cloud         *localcloud.Cloud
	source, dead  string
	settings      map[string]string
	env           map[string]string
	aws           aws.Config
	credentials   aws.Credentials
	noCredentials error
	transport     http.RoundTripper
	headerTimeout time.Duration
	state         doctor.StateReport
	refuse        map[string]string // "Action queue" to the code of a refusal
	denyAPI       *localcloud.Fault
}

func newBed(t *testing.T) *bed { return bedIn(t, localcloud.Options{BaseURL: endpoint}) }

func bedIn(t *testing.T, o localcloud.Options) *bed {
	cloud := localcloud.New(o)
	b := &bed{t: t, cloud: cloud, transport: cloud.Transport(), refuse: map[string]string{}, env: map[string]string{}}
	b.dead = cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{Retention: 14 * 24 * time.Hour})
	b.source = cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: b.dead})
	b.settings = map[string]string{"WORKER_QUEUE_URL": b.source}
	b.credentials = aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret", Source: "test"}
	b.aws = aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return b.credentials, b.noCredentials }),
	}
	cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
		if code := b.refuse[i.Action+" "+i.Queue]; code != "" {
			return &localcloud.Fault{Status: http.StatusForbidden, Code: code}
		}
		return nil
	}
	cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault { return b.denyAPI }
	return b
}

func (b *bed) deny(action, queue string) { b.refuse[action+" "+queue] = "AccessDenied" }

// client is an administrator's, whom nothing is denied.
func (b *bed) client() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: b.cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
		}),
	})
}

func (b *bed) set(queue, name, value string) {
	b.t.Helper()
	_, err := b.client().SetQueueAttributes(b.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &queue, Attributes: map[string]string{name: value}})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) remove(queue string) {
	b.t.Helper()
	if _, err := b.client().DeleteQueue(b.t.Context(), &sqs.DeleteQueueInput{QueueUrl: &queue}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) redrive(target string, count int) {
	b.t.Helper()
	b.set(b.source, "RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, arn(target), count))
}

// arn is that of a queue of the bed.
func arn(queueURL string) string {
	return "arn:aws:sqs:eu-west-1:000000000000:" + queueURL[strings.LastIndex(queueURL, "/")+1:]
}

func (b *bed) examine() doctor.Report {
	b.t.Helper()
	return doctor.Examine(b.t.Context(), b.options())
}

// examineShared is examine with a state store that remembers versions for so long.
func (b *bed) examineShared(versions time.Duration) doctor.Report {
	b.t.Helper()
	o := b.options()
	o.Config.State, o.Config.VersionTTL = "dynamodb://things", versions
	o.State = func(context.Context) doctor.StateReport { return b.state }
	return doctor.Examine(b.t.Context(), o)
}

func (b *bed) options() doctor.Options {
	b.t.Helper()
	cfg, err := config.Load(func(name string) (string, bool) {
		value, ok := b.settings[name]
		return value, ok
	}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return doctor.Options{
		Config: cfg, AWS: b.aws, HTTP: awshttp.New(awshttp.Options{Transport: b.transport}), HeaderTimeout: b.headerTimeout,
		Getenv: func(name string) string { return b.env[name] },
	}
}

// found are the names of the checks with a problem, and how bad each is.
func found(r doctor.Report) map[string]doctor.Severity {
	names := map[string]doctor.Severity{}
	for _, f := range r.Problems() {
		if _, ok := names[f.Check]; !ok { // the worst comes first
			names[f.Check] = f.Severity
		}
	}
	return names
}

func show(r doctor.Report) string {
	var b strings.Builder
	_ = r.Text(&b)
	return b.String()
}

// inBubble runs f in virtual time: what is unreachable is waited for.
func inBubble(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newBed(t)) })
}

func names(found map[string]doctor.Severity) []string { return slices.Sorted(maps.Keys(found)) }

// broken is a network on which requests to some services fail.
type broken struct {
	next http.RoundTripper
	sqs  error
	api  error
}

func (n broken) RoundTrip(r *http.Request) (*http.Response, error) {
	isSQS := r.Header.Get("X-Amz-Target") != ""
	if isSQS && n.sqs != nil {
		return nil, n.sqs
	}
	if !isSQS && n.api != nil {
		return nil, n.api
	}
	return n.next.RoundTrip(r)
}

// shifted is a cloud whose clock is ahead of ours.
type shifted struct {
	next http.RoundTripper
	by   time.Duration
}

func (s shifted) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Date", time.Now().Add(s.by).UTC().Format(http.TimeFormat))
	}
	return answer, err
}

var errRefused = errors.New("connect: connection refused")
