package consumer

import (
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// attemptFor is how long SQS knows a ReceiveRequestAttemptId: 5 minutes from the
// receive that brought the messages (API Reference, ReceiveMessage), less a margin.
const attemptFor = 5*time.Minute - 10*time.Second

// attempt is a receive from a FIFO queue whose answer was lost. SQS may have handed
// out messages to it, which block their groups until their lease ends. A receive with
// the same ReceiveRequestAttemptId brings them again, with the same receipt handles.
// SQS allows that while none of them was deleted or had its visibility changed; the
// worker cannot have done so, as it never saw them.
type attempt struct {
	id    string
	n     int       // messages asked for
	until time.Time // later there is nothing to bring back
	first time.Time // when the first receive with this id began
}

// nextAttemptLocked is the attempt of a poll of up to n messages: one whose answer was lost,
// if there is one that fits, or a new one.
func (c *Consumer) nextAttemptLocked(n int, now time.Time) attempt {
	if !c.fifo {
		return attempt{n: n}
	}
	p := &c.poll
	p.lost = slices.DeleteFunc(p.lost, func(a attempt) bool { return !now.Before(a.until) })
	for i, a := range p.lost {
		if a.n <= n {
			p.lost = slices.Delete(p.lost, i, i+1)
			return a
		}
	}
	return attempt{id: rand.Text(), n: n, first: now}
}

// keepAttemptLocked keeps an attempt whose answer was lost for the next poll.
func (c *Consumer) keepAttemptLocked(a attempt, now time.Time) {
	a.until = now.Add(c.o.Visibility)
	if end := a.first.Add(attemptFor); a.until.After(end) {
		a.until = end
	}
	c.poll.lost = append(c.poll.lost, a)
}

// mayHaveReceived reports whether a receive that failed may have brought messages: it was
// sent, and no answer came, or one that does not say. After a throttle SQS wants a new id
// (awslabs/amazon-sqs-java-messaging-lib#213).
func mayHaveReceived(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		network, ok := errors.AsType[*net.OpError](err)
		return !ok || network.Op != "dial"
	}
	if _, throttled := awsretry.DefaultThrottleErrorCodes[api.ErrorCode()]; throttled {
		return false
	}
	answer, ok := errors.AsType[*sdkhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() >= http.StatusInternalServerError
}

// attemptOver reports whether SQS refused a receive because of its attempt: the id is too
// old, or a message of it was settled by another. It brings nothing back any more.
func attemptOver(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "InvalidParameterValue" && strings.Contains(api.ErrorMessage(), "ReceiveRequestAttemptId")
}
