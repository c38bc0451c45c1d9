package deadletter

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/message"
)

// OnTheWire is a message's attributes and its trace header as a send takes them.
func OnTheWire(attributes map[string]message.Attribute, traceHeader string) (map[string]types.MessageAttributeValue, map[string]types.MessageSystemAttributeValue) {
	var own map[string]types.MessageAttributeValue
	if len(attributes) > 0 {
		own = make(map[string]types.MessageAttributeValue, len(attributes))
	}
	for name, a := range attributes {
		value := types.MessageAttributeValue{DataType: &a.DataType}
		if strings.HasPrefix(a.DataType, "Binary") {
			value.BinaryValue = a.BinaryValue
		} else {
			value.StringValue = &a.StringValue
		}
		own[name] = value
	}
	if traceHeader == "" {
		return own, nil
	}
	return own, map[string]types.MessageSystemAttributeValue{
		string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: aws.String("String"), StringValue: &traceHeader},
	}
}

// GroupOf is the MessageGroupId, on a FIFO queue, of a message that has none of
// its own: the thing, where it is known.
func GroupOf(thing string) string {
	if thing == "" {
		return "-"
	}
	return thing
}

// Size is how many bytes of SQS's limits, MaxBytes, a message takes.
func Size(body string, attributes map[string]message.Attribute) int {
	bytes := len(body)
	for name, a := range attributes {
		bytes += size(name, a)
	}
	return bytes
}

// RefusedContent reports whether SQS refused a request for what it carries.
func RefusedContent(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong",
		"InvalidParameterValue", "InvalidMessageContents", "InvalidAttributeValue", "MissingParameter":
		return true
	}
	return false
}
