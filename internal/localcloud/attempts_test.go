package localcloud_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/localcloud"
)

func (q queue) receiveAs(attempt string, seconds int32) (*sqs.ReceiveMessageOutput, error) {
	return q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 10, VisibilityTimeout: seconds, ReceiveRequestAttemptId: &attempt,
		MessageSystemAttributeNames: []systemAttribute{"All"},
	})
}

func inFIFO(t *testing.T, test func(t *testing.T, c *localcloud.Cloud, q queue)) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{FIFO: true})
		for _, body := range []string{"a", "b", "c"} {
			c.SQS.Send(q.url, localcloud.Message{Body: body, GroupID: "g"})
		}
		test(t, c, q)
	})
}

func TestTheSameAttemptBringsTheSameMessagesAgain(t *testing.T) {
	inFIFO(t, func(t *testing.T, _ *localcloud.Cloud, q queue) {
		first, err := q.receiveAs("one", 30)
		want(t, "error", err, nil)
		time.Sleep(20 * time.Second)
		again, err := q.receiveAs("one", 30)
		want(t, "error", err, nil)
		want(t, "again", bodies(again), "abc")
		want(t, "handle", *again.Messages[0].ReceiptHandle, *first.Messages[0].ReceiptHandle)
		time.Sleep(20 * time.Second) // the leases began anew
		other, err := q.receiveAs("two", 30)
		want(t, "error", err, nil)
		want(t, "while in flight", bodies(other), "")
		for _, m := range again.Messages {
			if err := q.delete(m.ReceiptHandle); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnAttemptIsOverOnceAMessageOfItWasTouched(t *testing.T) {
	for name, touch := range map[string]func(q queue, first *sqs.ReceiveMessageOutput) error{
		"deleted": func(q queue, first *sqs.ReceiveMessageOutput) error { return q.delete(first.Messages[1].ReceiptHandle) },
		"visibility changed": func(q queue, first *sqs.ReceiveMessageOutput) error {
			return q.setVisibility(first.Messages[1].ReceiptHandle, 60)
		},
		"made visible": func(q queue, first *sqs.ReceiveMessageOutput) error {
			return q.setVisibility(first.Messages[1].ReceiptHandle, 0)
		},
		"received by others": func(q queue, _ *sqs.ReceiveMessageOutput) error {
			time.Sleep(31 * time.Second)
			_, err := q.receiveAs("two", 30)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFIFO(t, func(t *testing.T, _ *localcloud.Cloud, q queue) {
				first, err := q.receiveAs("one", 30)
				want(t, "error", err, nil)
				want(t, "touched", touch(q, first), nil)
				_, err = q.receiveAs("one", 30)
				wantCode(t, err, "InvalidParameterValue")
			})
		})
	}
}

func TestAnAttemptIsForgottenAfter5Minutes(t *testing.T) {
	inFIFO(t, func(t *testing.T, _ *localcloud.Cloud, q queue) {
		_, err := q.receiveAs("one", 600)
		want(t, "error", err, nil)
		time.Sleep(5 * time.Minute)
		again, err := q.receiveAs("one", 600)
		want(t, "error", err, nil)
		want(t, "again", bodies(again), "")
	})
}

func TestAnAttemptWhoseLeasesEndedReceivesAsAnyOther(t *testing.T) {
	inFIFO(t, func(t *testing.T, _ *localcloud.Cloud, q queue) {
		_, err := q.receiveAs("one", 30)
		want(t, "error", err, nil)
		time.Sleep(31 * time.Second)
		again, err := q.receiveAs("one", 30)
		want(t, "error", err, nil)
		want(t, "again", bodies(again), "abc")
		want(t, "receives", again.Messages[0].Attributes["ApproximateReceiveCount"], "2")
	})
}

func TestAThrottledReceiveUsesItsAttemptUp(t *testing.T) {
	inFIFO(t, func(t *testing.T, c *localcloud.Cloud, q queue) {
		throttled := true
		c.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault {
			if throttled {
				return &localcloud.Fault{Status: http.StatusBadRequest, Code: "ThrottlingException"}
			}
			return nil
		}
		_, err := q.receiveAs("one", 30)
		wantCode(t, err, "ThrottlingException")
		throttled = false
		_, err = q.receiveAs("one", 30)
		wantCode(t, err, "InvalidParameterValue")
	})
}

func TestWhatIsNoAttempt(t *testing.T) {
	inFIFO(t, func(t *testing.T, c *localcloud.Cloud, q queue) {
		for _, id := range []string{strings.Repeat("x", 129), "a b", "é"} {
			_, err := q.receiveAs(id, 30)
			wantCode(t, err, "InvalidParameterValue")
		}
		standard := newQueue(t, c, "standard", localcloud.QueueOptions{})
		_, err := standard.receiveAs("one", 30)
		wantCode(t, err, "InvalidParameterValue")
	})
}
