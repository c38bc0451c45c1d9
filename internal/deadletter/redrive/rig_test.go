package redrive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
)

var policy = retry.Policy{Base: 100 * time.Millisecond, Max: time.Second}

// rig is a dead-letter queue and its source over SQS's real protocol, in virtual
// time.
type rig struct {
	*testing.T
	cloud      *localcloud.Cloud
	dlq, queue string
}

func inBubble(t *testing.T, fifo bool, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, cloud: localcloud.New(localcloud.Options{})}
		r.dlq = r.cloud.SQS.CreateQueue("dlq", localcloud.QueueOptions{FIFO: fifo})
		r.queue = r.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{FIFO: fifo, DLQ: r.dlq})
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

func text(s string) localcloud.Attribute {
	return localcloud.Attribute{DataType: "String", StringValue: s}
}

// failure is what a worker writes on a letter.
func failure(change func(*message.Failure)) localcloud.Attribute {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	f := message.Failure{
		Reason: message.NotFound, Code: "ResourceNotFoundException", MessageID: "source", SentAt: at, OccurredAt: at, FailedAt: at,
		DedupKey: "sqs:source", Worker: "w", Attempts: 1, Receives: 1,
	}
	if change != nil {
		change(&f)
	}
	raw, _ := json.Marshal(f)
	return text(string(raw))
}

// letter puts a letter for a thing in the dead-letter queue and returns its id.
func (r *rig) letter(thing string, change func(*message.Failure)) string {
	return r.cloud.SQS.Send(r.dlq, localcloud.Message{
		Body: fmt.Sprintf(`{"Identifier":%q,"Name":"x"}`, thing), GroupID: "group-" + thing,
		Attributes: map[string]localcloud.Attribute{message.AttributeFailure: failure(func(f *message.Failure) {
			f.MessageID = "source-" + thing
			if change != nil {
				change(f)
			}
		})},
	})
}

// fill puts n letters in the dead-letter queue, of things of their own.
func (r *rig) fill(n int) {
	for i := range n {
		r.letter(fmt.Sprint("thing-", i), nil)
	}
}

// run moves letters back, and checks that it leaves none hidden.
func (r *rig) run(ctx context.Context, o redrive.Options) (redrive.Sums, error, error) {
	r.Helper()
	if o.Rules.MaxReceives == 0 {
		o.Rules.MaxReceives = 100
	}
	box := mailbox.Open(r.client(), r.dlq, policy)
	sums, why, err := redrive.Run(ctx, box, mailbox.NewSender(r.client(), r.queue, policy), o)
	if err := box.Close(ctx); err != nil {
		r.Error(err)
	}
	for _, m := range r.cloud.SQS.Messages(r.dlq) {
		if m.InFlight {
			r.Errorf("letter %s stays hidden", m.ID)
		}
	}
	return sums, why, err
}

// moves is run, where nothing may go wrong.
func (r *rig) moves(o redrive.Options) redrive.Sums {
	r.Helper()
	sums, why, err := r.run(r.Context(), o)
	if why != nil || err != nil {
		r.Errorf("%v, %v", why, err)
	}
	return sums
}

// left is how many messages are in the dead-letter queue and in the source queue.
func (r *rig) left() [2]int {
	return [2]int{r.cloud.SQS.Len(r.dlq), r.cloud.SQS.Len(r.queue)}
}

// bodies counts the messages of both queues by their body.
func (r *rig) bodies() map[string]int {
	bodies := map[string]int{}
	for _, queue := range []string{r.dlq, r.queue} {
		for _, m := range r.cloud.SQS.Messages(queue) {
			bodies[m.Body]++
		}
	}
	return bodies
}
