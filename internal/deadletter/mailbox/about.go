package mailbox

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/sqswire"
)

// About is what SQS says of a dead-letter queue before anybody looks into it. The
// numbers are approximate.
type About struct {
	Visible  int // letters that a receive can get
	InFlight int // letters that somebody holds, or has held a moment ago
	// MaxReceives is after how many receives SQS moves a letter on to NextQueue, an
	// ARN; 0 where the queue has no redrive policy of its own.
	MaxReceives int
	NextQueue   string
}

// About asks SQS. It needs sqs:GetQueueAttributes.
func (b *Box) About(ctx context.Context) (About, error) {
	var out *sqs.GetQueueAttributesOutput
	err := b.try(ctx, "GetQueueAttributes", b.url, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		out, err = b.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &b.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		return err
	})
	if err != nil {
		return About{}, err
	}
	number := func(name types.QueueAttributeName) int {
		n, _ := strconv.Atoi(out.Attributes[string(name)])
		return n
	}
	policy := sqswire.Redrive(out.Attributes)
	return About{
		Visible:     number(types.QueueAttributeNameApproximateNumberOfMessages),
		InFlight:    number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		MaxReceives: policy.MaxReceives, NextQueue: policy.Target,
	}, nil
}
