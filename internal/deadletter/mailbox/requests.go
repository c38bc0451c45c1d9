package mailbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/sqswire"
)

const (
	attempts       = 14 // of one request
	requestTimeout = 10 * time.Second
)

// requester sends requests to SQS, again where that may help.
type requester struct {
	api    API
	policy retry.Policy
	count  func() // a request
}

// RequestError says which request SQS refused, or did not answer.
type RequestError struct {
	Action, Queue string
	Err           error
}

func (e *RequestError) Error() string {
	if code := codeOf(e.Err); strings.HasSuffix(code, "AccessDenied") || code == "AccessDeniedException" {
		permission := strings.TrimSuffix(e.Action, "Batch")
		return fmt.Sprintf("%s is not allowed on %s: allow sqs:%s there (%v)", e.Action, e.Queue, permission, e.Err)
	}
	return fmt.Sprintf("%s on %s: %v", e.Action, e.Queue, e.Err)
}

func (e *RequestError) Unwrap() error { return e.Err }

// try runs a request until it succeeds, fails for good, or has failed too often.
func (r requester) try(ctx context.Context, action, queue string, op func(context.Context) error) error {
	err := retry.Do(ctx, r.policy, retry.Options{Attempts: attempts}, func(ctx context.Context) error {
		r.count()
		err := op(ctx)
		if forGood(err) {
			return retry.Permanent(err)
		}
		return err
	})
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // who cancels knows why
		return &RequestError{action, queue, err}
	}
	return err
}

// forGood reports whether a request will fail again.
func forGood(err error) bool {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok {
		return false
	}
	status := response.HTTPStatusCode()
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests && !throttled(codeOf(err))
}

func throttled(code string) bool {
	return strings.Contains(code, "Throttl") || strings.Contains(code, "RequestLimitExceeded")
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// answer is what SQS says of a batch: each entry has its own fate.
type answer struct {
	done   []*string // ids of the entries that succeeded
	failed []types.BatchResultErrorEntry
}

// EntryError is SQS's refusal of one entry of a batch.
type EntryError struct {
	Code, Message string
	SenderFault   bool
}

func (e *EntryError) Error() string {
	return strings.TrimSuffix("SQS refuses it: "+e.Code+": "+e.Message, ": ")
}

var errNoAnswer = errors.New("SQS answered the batch but said nothing of this one")

// each sends a batch of n until every entry has succeeded, failed for good or
// failed too often, and returns the result of each. request is given the positions
// that are left; an entry's id is its place among them.
func (r requester) each(ctx context.Context, action, queue string, n int, request func(ctx context.Context, left []int) (answer, error)) []error {
	results := make([]error, n)
	left := make([]int, n)
	for i := range n {
		left[i], results[i] = i, errNoAnswer
	}
	err := r.try(ctx, action, queue, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		a, err := request(ctx, left)
		if err != nil {
			return err
		}
		again := map[int]error{}
		for _, i := range left {
			again[i] = errNoAnswer
		}
		for _, id := range a.done {
			if i, ok := position(left, id); ok {
				results[i] = nil
				delete(again, i)
			}
		}
		for _, f := range a.failed {
			i, ok := position(left, f.Id)
			if !ok {
				continue
			}
			e := &EntryError{aws.ToString(f.Code), aws.ToString(f.Message), f.SenderFault}
			again[i], results[i] = e, e
			if f.SenderFault && !throttled(e.Code) || handleGone(e) {
				delete(again, i)
			}
		}
		left = slices.DeleteFunc(slices.Clone(left), func(i int) bool { _, ok := again[i]; return !ok })
		if len(left) > 0 {
			return again[left[0]]
		}
		return nil
	})
	if err != nil {
		for _, i := range left {
			if _, own := errors.AsType[*EntryError](results[i]); !own {
				results[i] = err
			}
		}
	}
	return results
}

// handleGone reports whether an entry failed because SQS does not know its receipt
// handle any more.
func handleGone(err error) bool {
	e, ok := errors.AsType[*EntryError](err)
	if !ok {
		return false
	}
	switch e.Code[strings.LastIndexAny(e.Code, ".#")+1:] {
	case "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue":
		return true
	}
	return false
}

func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// position is what stands at the place that an entry's id names.
func position(left []int, id *string) (int, bool) {
	n, err := strconv.Atoi(aws.ToString(id))
	if err != nil || n < 0 || n >= len(left) {
		return 0, false
	}
	return left[n], true
}

func chunks[T any](all []T) iter.Seq[[]T] { return slices.Chunk(all, sqswire.MaxEntries) }
