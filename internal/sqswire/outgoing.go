package sqswire

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/awserror"
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

// EntryError is SQS's refusal of one entry of a batch that it answered 200. It is a
// smithy.APIError, as the refusal of a whole request is.
type EntryError struct {
	Code, Message string
	SenderFault   bool // by SQS's word; sending the same again will not help
}

func (e *EntryError) Error() string {
	return strings.TrimSuffix("SQS refuses an entry of the batch: "+e.Code+": "+e.Message, ": ")
}

// ErrorCode implements smithy.APIError.
func (e *EntryError) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *EntryError) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError.
func (e *EntryError) ErrorFault() smithy.ErrorFault {
	if e.SenderFault {
		return smithy.FaultClient
	}
	return smithy.FaultServer
}

var _ smithy.APIError = (*EntryError)(nil)

// Code is an error's code, as the log and the metrics have it.
func Code(err error) string { return awserror.Of(err).Code }

// RefusedContent reports whether SQS refused a request, or an entry of a batch, for
// what it carries: its size, for one.
func RefusedContent(err error) bool {
	return awserror.RefusesContents(Code(err))
}
