package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/sqswire"
)

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

// onceOnly switches the SDK's own retries off: one owner of retries.
func onceOnly(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

// bounded is how long one request may take: less than the first lease's quarter,
// but a second at least.
func (c *Consumer) bounded() time.Duration {
	return min(requestTimeout, max(time.Second, c.o.Visibility/4))
}

// changeVisibility sends a renewal's or release's batch.
func (c *Consumer) changeVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput) failures {
	request, cancel := context.WithTimeout(ctx, c.bounded())
	defer cancel()
	start := time.Now()
	out, err := c.api.ChangeMessageVisibilityBatch(request, in, onceOnly)
	failed := failures{whole: err}
	if err == nil {
		failed.entries = sqswire.VisibilityChanged(out, len(in.Entries))
		failed.requestID = sqswire.RequestID(out.ResultMetadata)
	}
	c.troubles.batch(ctx, "ChangeMessageVisibilityBatch", start, failed)
	return failed
}
