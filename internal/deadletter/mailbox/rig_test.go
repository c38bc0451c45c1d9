package mailbox_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/retry"
)

var policy = retry.Policy{Base: 100 * time.Millisecond, Max: time.Second}

// rig is a dead-letter queue over SQS's real protocol, in virtual time.
type rig struct {
	*testing.T
	cloud *localcloud.Cloud
	dlq   string
}

// inBubble runs a test against a queue that is a FIFO queue or not.
func inBubble(t *testing.T, fifo bool, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, cloud: localcloud.New(localcloud.Options{})}
		r.dlq = r.cloud.SQS.CreateQueue("dlq", localcloud.QueueOptions{FIFO: fifo})
		test(r)
	})
}

func (r *rig) client() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
		HTTPClient: awshttp.New(awshttp.Options{Transport: r.cloud.Transport()}), Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
		}),
	})
}

func (r *rig) open() *mailbox.Box { return mailbox.Open(r.client(), r.dlq, policy) }

// fill puts n letters in the queue, on a FIFO queue each in a group of its own.
func (r *rig) fill(n int) {
	for i := range n {
		r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: fmt.Sprintf(`{"Identifier":"lamp-%d"}`, i), GroupID: fmt.Sprint("group-", i)})
	}
}

// all looks at every letter, and fails the test where one comes twice.
func (r *rig) all(b *mailbox.Box) []*mailbox.Letter {
	r.Helper()
	var letters []*mailbox.Letter
	seen := map[string]bool{}
	for l, err := range mailbox.All(r.Context(), b) {
		if err != nil {
			r.Fatal(err)
		}
		if seen[l.Message.ID] {
			r.Errorf("letter %s comes twice", l.Message.ID)
		}
		seen[l.Message.ID] = true
		letters = append(letters, l)
	}
	return letters
}

func (r *rig) close(b *mailbox.Box) {
	r.Helper()
	if err := b.Close(r.Context()); err != nil {
		r.Error(err)
	}
}

// inFlight is how many letters are hidden.
func (r *rig) inFlight() int {
	n := 0
	for _, m := range r.cloud.SQS.Messages(r.dlq) {
		if m.InFlight {
			n++
		}
	}
	return n
}
