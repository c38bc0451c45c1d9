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
	"github.com/aws/smithy-go"
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
}

func (f failures) of(i int) *failure {
	if f.whole != nil {
		return f.whole
	}
	return f.entries[strconv.Itoa(i)]
}

// entryID is the id of a batch's entry: its position, so that ids always differ.
func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

func failuresOf(failed []types.BatchResultErrorEntry, err error) failures {
	if err != nil {
		return failures{whole: &failure{code: codeOf(err)}}
	}
	f := failures{}
	for _, e := range failed {
		if f.entries == nil {
			f.entries = map[string]*failure{}
		}
		code := shortCode(aws.ToString(e.Code))
		f.entries[aws.ToString(e.Id)] = &failure{code: code, final: handleGone(code, e.SenderFault)}
	}
	return f
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
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return shortCode(e.ErrorCode())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return "connection"
}

// shortCode drops the prefix of the query protocol's codes, as in
// AWS.SimpleQueueService.MessageNotInflight. The code is remembered for longer than the
// answer, with which it shares no memory.
func shortCode(code string) string {
	return strings.Clone(code[strings.LastIndexAny(code, ".#")+1:])
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
	c.troubles.note(ctx, "ChangeMessageVisibilityBatch", start, err)
	if err != nil {
		return failuresOf(nil, err)
	}
	failed := failuresOf(out.Failed, nil)
	failed.requestID = requestID(out.ResultMetadata)
	return failed
}
