package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/sqswire"
)

// entry is one message of a batch.
type entry struct {
	d       *Delivery
	handle  string // the newest when the batch was made
	seconds int32  // its new visibility timeout; not of a delete
}

// failures say which entries of a batch failed. SQS answers 200 however many did: each
// has its own fate.
type failures struct {
	whole   error   // the request failed, and all entries with it
	entries []error // of each entry, if the request did not fail
	// requestID is that of the request; empty if it failed.
	requestID string
}

// of is what entry i failed with.
func (f failures) of(i int) error {
	if f.whole != nil {
		return f.whole
	}
	return f.entries[i]
}

// onceOnly switches the SDK's own retries off: the consumer alone retries.
func onceOnly(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

// batchTimeout is how long one batch may take: a quarter of the first lease at most, but
// a second at least.
func (c *Consumer) batchTimeout() time.Duration {
	return min(requestTimeout, max(time.Second, c.o.Visibility/4))
}

func (c *Consumer) deleteMessages(ctx context.Context, batch []entry) failures {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &c.o.QueueURL, Entries: make([]types.DeleteMessageBatchRequestEntry, len(batch))}
	for i := range batch {
		in.Entries[i] = types.DeleteMessageBatchRequestEntry{Id: sqswire.EntryID(i), ReceiptHandle: &batch[i].handle}
	}
	request, cancel := context.WithTimeout(ctx, c.batchTimeout())
	defer cancel()
	start := time.Now()
	out, err := c.api.DeleteMessageBatch(request, in, onceOnly)
	failed := failures{whole: err}
	if err == nil {
		failed.entries = sqswire.Deleted(out, len(batch))
		failed.requestID = sqswire.RequestID(out.ResultMetadata)
	}
	c.errors.batch(ctx, deleteAction, start, failed)
	return failed
}

// changeVisibility renews the leases of a batch, or makes it visible again.
func (c *Consumer) changeVisibility(ctx context.Context, batch []entry) failures {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &c.o.QueueURL, Entries: make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))}
	for i := range batch {
		in.Entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: sqswire.EntryID(i), ReceiptHandle: &batch[i].handle, VisibilityTimeout: batch[i].seconds,
		}
	}
	request, cancel := context.WithTimeout(ctx, c.batchTimeout())
	defer cancel()
	start := time.Now()
	out, err := c.api.ChangeMessageVisibilityBatch(request, in, onceOnly)
	failed := failures{whole: err}
	if err == nil {
		failed.entries = sqswire.VisibilityChanged(out, len(batch))
		failed.requestID = sqswire.RequestID(out.ResultMetadata)
	}
	c.errors.batch(ctx, visibilityAction, start, failed)
	return failed
}

// receiveMessages makes one receive. A crash after it leaves what it brought to the end of
// the first lease.
func (c *Consumer) receiveMessages(cut context.Context, a attempt) (*sqs.ReceiveMessageOutput, error) {
	request, cancel := context.WithTimeout(cut, c.o.WaitTime+pollGrace)
	defer cancel()
	in := &sqs.ReceiveMessageInput{
		QueueUrl:                    &c.o.QueueURL,
		MaxNumberOfMessages:         int32(a.n),
		WaitTimeSeconds:             int32(c.o.WaitTime / time.Second),
		VisibilityTimeout:           int32(c.o.Visibility / time.Second),
		MessageSystemAttributeNames: sqswire.SystemAttributes,
		MessageAttributeNames:       []string{"All"},
	}
	if a.id != "" {
		in.ReceiveRequestAttemptId = aws.String(a.id)
	}
	return c.api.ReceiveMessage(request, in, onceOnly)
}
