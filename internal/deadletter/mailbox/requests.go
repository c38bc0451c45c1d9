package mailbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

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
	if code := sqswire.Code(e.Err); strings.HasSuffix(code, "AccessDenied") || code == "AccessDeniedException" {
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
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests && !sqswire.Throttled(err)
}

// each sends a batch of n until every entry has succeeded, failed for good or
// failed too often, and returns the result of each. request is given the positions
// that are left, and returns the result of each of these.
func (r requester) each(ctx context.Context, action, queue string, n int, request func(ctx context.Context, left []int) ([]error, error)) []error {
	results := make([]error, n)
	left := make([]int, n)
	for i := range n {
		left[i] = i
	}
	err := r.try(ctx, action, queue, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		entries, err := request(ctx, left)
		if err != nil {
			return err
		}
		var again []int
		for k, i := range left {
			results[i] = entries[k]
			if entries[k] != nil && !sqswire.Final(entries[k]) {
				again = append(again, i)
			}
		}
		left = again
		if len(left) > 0 {
			return results[left[0]]
		}
		return nil
	})
	if err != nil {
		for _, i := range left {
			if _, own := errors.AsType[*sqswire.EntryError](results[i]); !own {
				results[i] = err
			}
		}
	}
	return results
}

func chunks[T any](all []T) iter.Seq[[]T] { return slices.Chunk(all, sqswire.MaxEntries) }
