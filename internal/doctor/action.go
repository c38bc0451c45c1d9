package doctor

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// action is what the worker must be allowed to do with a queue. It is tried by a
// request that cannot have an effect, whatever SQS does with it.
//
// A denial is the truth. That SQS looks at permissions before it looks at the rest
// of a request is not documented, so another refusal is no proof that the action
// is allowed; only nothing can be said against it.
type action struct {
	name string // of the permission
	need string // what does not work without it
}

var (
	receiveMessage   = action{"sqs:ReceiveMessage", "Nothing is received."}
	deleteMessage    = action{"sqs:DeleteMessage", "A message that is done stays in the queue, and comes again and again until its retention ends it."}
	changeVisibility = action{"sqs:ChangeMessageVisibility", "Leases run out while messages wait for their call, so they are received and applied twice; nothing can be given back when the worker stops."}
	sendMessage      = action{"sqs:SendMessage", "What cannot be applied cannot be dead-lettered: it stays in the source queue, and is tried again until its retention ends it."}
)

const (
	noHandle = "worker-doctor" // was never a receipt handle
	tooMany  = 11              // SQS hands out 10 messages at most
	tooLong  = 901             // seconds; SQS delays by 900 at most
)

func (a action) try(ctx context.Context, client *sqs.Client, queueURL string) error {
	var err error
	switch a {
	case receiveMessage:
		// Were it answered all the same, what it brought would be visible at once.
		_, err = client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: tooMany, VisibilityTimeout: 0})
	case deleteMessage:
		_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queueURL, ReceiptHandle: aws.String(noHandle)})
	case changeVisibility:
		_, err = client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &queueURL, ReceiptHandle: aws.String(noHandle), VisibilityTimeout: 0})
	case sendMessage:
		// Refused for its body, for its delay and for its attribute.
		_, err = client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: &queueURL, MessageBody: aws.String(""), DelaySeconds: tooLong,
			MessageAttributes: map[string]types.MessageAttributeValue{"AWS.": {DataType: aws.String("None")}},
		})
	}
	return err
}

// permission is the check of one action.
func permission(a action) func(*facts) []Finding {
	return func(f *facts) []Finding {
		q, called := &f.source, "source queue"
		if a == sendMessage {
			q, called = &f.dead, "dead-letter queue"
		}
		if q.may[a].kind != denied {
			return nil
		}
		return wrong(fmt.Sprintf("The worker lacks %s on the %s %s (%s).", a.name, called, q.url, q.may[a].code),
			a.need, "Add to the policy of the worker's role (and see that no Deny and no policy of the queue or its VPC endpoint forbids it): "+q.statement(f.region, a.name))
	}
}

// statement is what a role's policy needs.
func (q *queueFacts) statement(region string, actions ...string) string {
	return statement(q.arn(region), actions...)
}
