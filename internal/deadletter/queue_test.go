package deadletter_test

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// queue stands in for SQS's side of SendMessageBatch, with its limits.
type queue struct {
	t testing.TB
	// refuse, if set, is asked for each entry; nil stores it.
	refuse func(types.SendMessageBatchRequestEntry) *types.BatchResultErrorEntry
	// silent is a body of which the answer says nothing, though it is stored.
	silent string
	// poison is a body for which SQS refuses the whole request.
	poison string
	// broken is what every request fails with; lost, that they are carried out
	// nevertheless.
	broken error
	lost   bool

	// limit is MaximumMessageSize; 0 is 1 MiB. What is larger is refused, with its whole
	// request where refuseWhole is set.
	limit       int
	refuseWhole bool

	mu      sync.Mutex
	batches []int                                // sizes of the batches taken
	largest int                                  // bytes of the largest of them
	stored  []types.SendMessageBatchRequestEntry // in their order
}

func invalid(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...)}
}

func (q *queue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil && !q.lost {
		return nil, q.broken
	}
	if n := len(in.Entries); n == 0 || n > 10 {
		q.t.Errorf("a batch of %d entries", n)
		return nil, &types.TooManyEntriesInBatchRequest{}
	}
	total, ids := 0, map[string]bool{}
	for _, e := range in.Entries {
		if aws.ToString(e.MessageBody) == q.poison && q.poison != "" {
			return nil, invalid("something about a message")
		}
		if ids[*e.Id] {
			q.t.Errorf("two entries have the id %s", *e.Id)
		}
		ids[*e.Id] = true
		if err := check(e, aws.ToString(in.QueueUrl) == fifoURL); err != nil {
			q.t.Errorf("entry %s: %v", *e.Id, err)
			return nil, err
		}
		total += entrySize(e)
		if q.refuseWhole && entrySize(e) > q.limit {
			return nil, &types.BatchRequestTooLong{}
		}
	}
	if total > 1<<20 {
		q.t.Errorf("a batch of %d bytes", total)
		return nil, &types.BatchRequestTooLong{}
	}
	q.batches = append(q.batches, len(in.Entries))
	q.largest = max(q.largest, total)
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if q.limit > 0 && entrySize(e) > q.limit {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InvalidParameterValue"), SenderFault: true})
			continue
		}
		if q.refuse != nil {
			if f := q.refuse(e); f != nil {
				f.Id = e.Id
				out.Failed = append(out.Failed, *f)
				continue
			}
		}
		q.stored = append(q.stored, e)
		if q.silent != "" && *e.MessageBody == q.silent {
			continue
		}
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id, MessageId: aws.String(fmt.Sprint("new-", len(q.stored)))})
	}
	if q.broken != nil {
		return nil, q.broken
	}
	return out, nil
}

func entrySize(e types.SendMessageBatchRequestEntry) int {
	n := len(*e.MessageBody)
	for name, a := range e.MessageAttributes {
		n += len(name) + len(*a.DataType) + len(aws.ToString(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

var dataType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)

// check is what SQS checks of one entry.
func check(e types.SendMessageBatchRequestEntry, fifo bool) error {
	if len(e.MessageAttributes) > 10 {
		return invalid("%d attributes", len(e.MessageAttributes))
	}
	if entrySize(e) > 1<<20 {
		return invalid("%d bytes", entrySize(e))
	}
	if err := xmlText("body", aws.ToString(e.MessageBody)); err != nil {
		return err
	}
	for name, a := range e.MessageAttributes {
		kind := dataType.FindStringSubmatch(*a.DataType)
		switch {
		case kind == nil:
			return invalid("attribute %s of type %s", name, *a.DataType)
		case kind[1] == "Binary":
			if len(a.BinaryValue) == 0 || a.StringValue != nil {
				return invalid("binary attribute %s: %v", name, a)
			}
		case a.StringValue == nil || a.BinaryValue != nil:
			return invalid("text attribute %s: %v", name, a)
		default:
			if err := xmlText(name, *a.StringValue); err != nil {
				return err
			}
		}
	}
	for name := range e.MessageSystemAttributes {
		if name != "AWSTraceHeader" {
			return invalid("system attribute %s", name)
		}
	}
	if fifo != (e.MessageDeduplicationId != nil) {
		return invalid("MessageDeduplicationId given: %v, FIFO queue: %v", !fifo, fifo)
	}
	if fifo && aws.ToString(e.MessageGroupId) == "" {
		return invalid("no MessageGroupId")
	}
	return nil
}

func xmlText(what, s string) error {
	if s == "" || !utf8.ValidString(s) {
		return invalid("%s is empty or no UTF-8", what)
	}
	for _, r := range s {
		if r != '\t' && r != '\n' && r != '\r' && (r < 0x20 || r == 0xfffe || r == 0xffff) {
			return invalid("%s has the character %U", what, r)
		}
	}
	return nil
}
