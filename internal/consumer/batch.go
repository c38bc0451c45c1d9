package consumer

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/sqswire"
)

// failures are the entries of a batch that failed. SQS answers 200 however many
// did: each has its own fate.
type failures struct {
	whole   *failure // the request failed, and all entries with it
	entries map[string]*failure
	// requestID is that of the request; empty where it failed.
	requestID string
}

// failure says whether trying again can help.
type failure struct {
	code  string
	final bool
	err   error
}

func (f failures) of(i int) *failure {
	if f.whole != nil {
		return f.whole
	}
	return f.entries[strconv.Itoa(i)]
}

// err is what the whole request failed with.
func (f failures) err() error {
	if f.whole != nil {
		return f.whole.err
	}
	return nil
}

// entryID is the id of a batch's entry: its position, so that ids always differ.
func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

func failuresOf(failed []types.BatchResultErrorEntry, err error) failures {
	if err != nil {
		return failures{whole: &failure{code: codeOf(err), err: err}}
	}
	f := failures{}
	for _, e := range failed {
		if f.entries == nil {
			f.entries = map[string]*failure{}
		}
		code := awserror.Short(aws.ToString(e.Code))
		f.entries[aws.ToString(e.Id)] = &failure{
			code: code, final: handleGone(code, e.SenderFault),
			err: &sqswire.EntryError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message), SenderFault: e.SenderFault},
		}
	}
	return f
}

// unanswered makes failures of the entries of which an answer says nothing at all: what
// answered may not be SQS, or only a part of the answer came.
func (f *failures) unanswered(entries int, done map[string]bool) {
	for i := range entries {
		id := strconv.Itoa(i)
		if done[id] || f.entries[id] != nil {
			continue
		}
		if f.entries == nil {
			f.entries = map[string]*failure{}
		}
		f.entries[id] = &failure{code: "no_answer", err: errUnanswered}
	}
}

var errUnanswered = errors.New("SQS answered the batch, and said nothing of some of its entries")

// idsOf are the ids of a batch's entries.
func idsOf[E any](entries []E, id func(E) *string) map[string]bool {
	ids := make(map[string]bool, len(entries))
	for _, e := range entries {
		ids[aws.ToString(id(e))] = true
	}
	return ids
}

// handleGone reports whether an entry failed because its receipt handle is no
// good any more, or for another fault of the sender's, that no repetition heals.
func handleGone(code string, senderFault bool) bool {
	switch code {
	case "InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight":
		return true
	}
	return senderFault && !strings.Contains(code, "Throttl")
}

// codeOf is the error's AWS code or our own name for what has none.
func codeOf(err error) string { return awserror.Of(err).Code }

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
	var failed failures
	if err != nil {
		failed = failuresOf(nil, err)
	} else {
		failed = failuresOf(out.Failed, nil)
		failed.unanswered(len(in.Entries), idsOf(out.Successful, func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id }))
		failed.requestID = requestID(out.ResultMetadata)
	}
	c.troubles.batch(ctx, "ChangeMessageVisibilityBatch", start, failed)
	return failed
}
