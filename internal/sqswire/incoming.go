// Package sqswire knows SQS's wire: messages as they come and go, the results of a batch,
// SQS's limits, and what the attributes of a queue say. The consumer, the writer of dead
// letters and the mailbox use it. It sends nothing itself.
package sqswire

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/message"
)

// SystemAttributes are those that Incoming reads, and no others: each one costs time with
// every message.
var SystemAttributes = []types.MessageSystemAttributeName{
	types.MessageSystemAttributeNameSentTimestamp,
	types.MessageSystemAttributeNameApproximateReceiveCount,
	types.MessageSystemAttributeNameSequenceNumber,
	types.MessageSystemAttributeNameMessageGroupId,
	types.MessageSystemAttributeNameAWSTraceHeader,
}

// Incoming is the message as the rest of the worker sees it. If SQS leaves out the
// sent time, it is now; if SQS leaves out the receive count, it is 1.
func Incoming(m *types.Message, now time.Time) message.Incoming {
	in := message.Incoming{
		// These three are remembered for longer than the message. The SDK puts the small
		// strings of an answer into one block, and any of them would keep all of it alive.
		ID:             strings.Clone(aws.ToString(m.MessageId)),
		SequenceNumber: cloned(m, types.MessageSystemAttributeNameSequenceNumber),
		GroupID:        cloned(m, types.MessageSystemAttributeNameMessageGroupId),
		Body:           aws.ToString(m.Body),
		SentAt:         now.Truncate(time.Millisecond),
		TraceHeader:    m.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)],
		Receives:       1,
	}
	if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		in.SentAt = time.UnixMilli(ms)
	}
	if n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil && n > 0 {
		in.Receives = n
	}
	if len(m.MessageAttributes) > 0 {
		in.Attributes = make(map[string]message.Attribute, len(m.MessageAttributes))
		for name, a := range m.MessageAttributes {
			in.Attributes[name] = message.Attribute{
				DataType:    aws.ToString(a.DataType),
				StringValue: aws.ToString(a.StringValue),
				BinaryValue: a.BinaryValue,
			}
		}
	}
	return in
}

func cloned(m *types.Message, name types.MessageSystemAttributeName) string {
	return strings.Clone(m.Attributes[string(name)])
}

// Handle is the receipt handle of this receive; empty if SQS left it out.
func Handle(m *types.Message) string { return aws.ToString(m.ReceiptHandle) }
