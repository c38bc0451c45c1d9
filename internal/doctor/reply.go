package doctor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/retry"
)

// reply is how AWS answered a request.
type reply struct {
	kind replyKind
	code string
	err  error // nil where it was answered as asked
}

type replyKind int

const (
	notAsked  replyKind = iota
	answered            // as asked, or refused for what was in the request
	denied              // the caller may not
	absent              // there is no such queue
	noAddress           // what was given is no queue's URL
	noCaller            // credentials, signature or clock are not accepted
	noKey               // the encryption key may not be used, or is not there
	trouble             // no answer, or one that may be another a moment later
)

func replyOf(err error) reply {
	r := reply{answered, awserror.Code(err), err}
	var status int
	if response, ok := errors.AsType[*sdkhttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	_, isAnswer := errors.AsType[smithy.APIError](err)
	switch {
	case err == nil:
	case !isAnswer || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		r.kind = trouble
	case awserror.RefusesCredentials(r.code):
		r.kind = noCaller
	case strings.HasPrefix(strings.ToUpper(r.code), "KMS"):
		r.kind = noKey
	case awserror.Denies(r.code):
		r.kind = denied
	case awserror.NoQueue(r.code):
		r.kind = absent
	}
	return r
}

// askTimeout bounds one request.
const askTimeout = 10 * time.Second

// ask makes a request, and once more where that may help.
func ask(ctx context.Context, op func(context.Context) error) reply {
	var last reply
	err := retry.Do(ctx, retry.Policy{Base: 200 * time.Millisecond, Max: time.Second}, retry.Options{Attempts: 2}, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		err := op(ctx)
		if last = replyOf(err); last.kind != trouble {
			return nil
		}
		return err
	})
	if err != nil && last.kind == notAsked {
		return reply{kind: trouble, err: err} // ctx had ended
	}
	return last
}
