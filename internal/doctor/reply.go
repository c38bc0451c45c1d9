package doctor

import (
	"context"
	"time"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/retry"
)

// reply is how AWS answered a request.
type reply struct {
	kind  replyKind
	code  string
	err   error // nil where it was answered as asked
	cause awserror.Cause
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
	cause := awserror.Of(err)
	r := reply{code: cause.Code, err: err, cause: cause}
	switch cause.Kind {
	case awserror.NoAnswer, awserror.InBetween, awserror.Trouble, awserror.Throttled:
		r.kind = trouble
	case awserror.BadCredentials, awserror.SkewedClock, awserror.NoCredentials:
		r.kind = noCaller
	case awserror.NoKey:
		r.kind = noKey
	case awserror.Denied:
		r.kind = denied
	case awserror.NoQueue:
		r.kind = absent
	default:
		r.kind = answered
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
		if last = replyOf(err); last.kind != trouble && last.cause.Kind != awserror.SkewedClock {
			return nil
		}
		return err // after a refusal for the clock, the client goes by AWS's
	})
	if err != nil && last.kind == notAsked {
		return reply{kind: trouble, err: err} // ctx had ended
	}
	return last
}
