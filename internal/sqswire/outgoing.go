package sqswire

import (
	"cmp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/message"
)

// Copy is the entry of a batch that sends m as it is: body, attributes, trace header
// and message group byte for byte.
func Copy(i int, m message.Incoming) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{Id: EntryID(i), MessageBody: &m.Body, MessageAttributes: attributes(m.Attributes)}
	if m.GroupID != "" {
		e.MessageGroupId = &m.GroupID
	}
	if m.TraceHeader != "" {
		e.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: aws.String("String"), StringValue: &m.TraceHeader},
		}
	}
	return e
}

// CopyToFIFO is Copy for a FIFO queue, which takes entries with the same deduplicationID for
// one message for 5 minutes. A message without a group gets its thing's, if that is known.
func CopyToFIFO(i int, m message.Incoming, thing, deduplicationID string) types.SendMessageBatchRequestEntry {
	if m.GroupID == "" {
		m.GroupID = cmp.Or(thing, "-")
	}
	e := Copy(i, m)
	e.MessageDeduplicationId = &deduplicationID
	return e
}

func attributes(all map[string]message.Attribute) map[string]types.MessageAttributeValue {
	if len(all) == 0 {
		return nil
	}
	values := make(map[string]types.MessageAttributeValue, len(all))
	for name, a := range all {
		value := types.MessageAttributeValue{DataType: &a.DataType}
		if strings.HasPrefix(a.DataType, "Binary") {
			value.BinaryValue = a.BinaryValue
		} else {
			value.StringValue = &a.StringValue
		}
		values[name] = value
	}
	return values
}
