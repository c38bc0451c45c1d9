package sqswire

import (
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"managed-thing-updater/internal/awserror"
)

// ErrNoAnswer is the result of an entry that is missing in the answer to its batch: what
// answered may not be SQS, or only a part of the answer came.
var ErrNoAnswer = errors.New("SQS answered the batch, and said nothing of this entry")

// EntryError is SQS's refusal of one entry of a batch that it answered 200. It is a
// smithy.APIError, as the refusal of a whole request is.
type EntryError struct {
	Code, Message string
	SenderFault   bool // SQS says so: sending the same again will not help
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

// EntryID is the id of a batch's entry: its position, so that ids always differ.
func EntryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// Position is the inverse of EntryID, for an entry of n; false if there is no such entry.
func Position(id *string, n int) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && i >= 0 && i < n
}

// Deleted returns the result of each of a batch's n entries: nil if it took effect, an
// *EntryError, or ErrNoAnswer. SQS answers 200 however many of them failed.
func Deleted(out *sqs.DeleteMessageBatchOutput, n int) []error {
	return results(n, out.Failed, out.Successful, func(e types.DeleteMessageBatchResultEntry) *string { return e.Id })
}

// VisibilityChanged is as Deleted.
func VisibilityChanged(out *sqs.ChangeMessageVisibilityBatchOutput, n int) []error {
	return results(n, out.Failed, out.Successful, func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id })
}

// Sent is as Deleted.
func Sent(out *sqs.SendMessageBatchOutput, n int) []error {
	return results(n, out.Failed, out.Successful, func(e types.SendMessageBatchResultEntry) *string { return e.Id })
}

// results counts an entry that is in both lists as failed: doing a thing twice does less
// harm than not doing it.
func results[E any](n int, failed []types.BatchResultErrorEntry, done []E, id func(E) *string) []error {
	results := make([]error, n)
	for i := range results {
		results[i] = ErrNoAnswer
	}
	for _, e := range done {
		if i, ok := Position(id(e), n); ok {
			results[i] = nil
		}
	}
	for _, e := range failed {
		if i, ok := Position(e.Id, n); ok {
			results[i] = &EntryError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message), SenderFault: e.SenderFault}
		}
	}
	return results
}

// Code is an error's AWS code without prefixes, or our own name if it has none; empty for
// nil.
func Code(err error) string {
	if errors.Is(err, ErrNoAnswer) {
		return "no_answer"
	}
	return awserror.Of(err).Code
}

// Codes are those of the entries that failed.
func Codes(entries []error) []string {
	var codes []string
	for _, err := range entries {
		if err != nil {
			codes = append(codes, Code(err))
		}
	}
	return codes
}

// Throttled reports whether SQS refused a request, or an entry, because there were too
// many.
func Throttled(err error) bool {
	code := Code(err)
	return strings.Contains(code, "Throttl") || strings.Contains(code, "RequestLimitExceeded")
}

// HandleGone reports whether an entry failed because its receipt handle is not valid any
// more.
func HandleGone(err error) bool {
	if _, entry := errors.AsType[*EntryError](err); !entry {
		return false
	}
	switch Code(err) {
	case "InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight":
		return true
	}
	return false
}

// Final reports whether an entry failed for good: its receipt handle is gone, or the
// fault is the sender's in some other way.
func Final(err error) bool {
	e, entry := errors.AsType[*EntryError](err)
	return entry && (HandleGone(err) || e.SenderFault && !Throttled(err))
}

// RefusedContent reports whether SQS refused a request, or an entry of a batch, for its
// content, for example its size.
func RefusedContent(err error) bool { return awserror.RefusesContents(Code(err)) }

// RequestID is the id of the request that got this answer.
func RequestID(answer middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(answer)
	return id
}
