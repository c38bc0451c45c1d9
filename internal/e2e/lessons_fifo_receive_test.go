package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/localcloud"
)

func TestLesson35_ALostAnswerOfAFIFOReceiveCostsSeconds(t *testing.T) {
	for lost, fault := range map[string]localcloud.Fault{
		"broken connection": {BreakAfter: true},
		"5xx":               {BreakAfter: true, Status: http.StatusInternalServerError, Code: "InternalError"},
	} {
		for _, n := range []int{1, 3} {
			subtest(t, fmt.Sprintf("%s, %d in a row", lost, n), layout{fifo: true}, func(t *testing.T, r *rig) {
				for i := range 5 {
					r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("thing", fmt.Sprint(i)), GroupID: "g"})
				}
				r.onSQS("ReceiveMessage", first(n, &fault))
				w := r.start()
				began := time.Now()
				r.until("the queue is drained", 3*time.Minute, func() bool { return r.cloud.SQS.Len(r.queue) == 0 })
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("the group stood still for %v of a lease of %v", took.Round(time.Second), r.cfg.VisibilityTimeout)
				}
				w.stopped()
				r.wantReceivedOnce(5)
			})
		}
	}
}

// What SQS does not take as another try of the same receive is a receive of its own, at once.
func TestAnAttemptThatIsOverIsNotTriedAgain(t *testing.T) {
	subtest(t, "throttled", layout{fifo: true}, func(t *testing.T, r *rig) {
		r.onSQS("ReceiveMessage", first(2, status(http.StatusBadRequest, "ThrottlingException")))
		w := r.start()
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("thing", "new"), GroupID: "g"})
		r.drained(10 * time.Second)
		w.stopped()
		w.wantLines("ReceiveRequestAttemptId", 0)
	})
	subtest(t, "settled by somebody else", layout{fifo: true}, func(t *testing.T, r *rig) {
		r.onSQS("ReceiveMessage", func(n int, _ string) *localcloud.Fault {
			switch n {
			case 1:
				return &localcloud.Fault{BreakAfter: true}
			case 2: // meanwhile a person deletes the message
				handle := r.cloud.SQS.Messages(r.queue)[0].ReceiptHandle
				if _, err := r.sqs().DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &r.queue, ReceiptHandle: &handle}); err != nil {
					t.Error(err)
				}
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("other", "new"), GroupID: "g"})
			}
			return nil
		})
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("thing", "new"), GroupID: "g"})
		w := r.start()
		time.Sleep(5 * time.Second)
		r.drained(10 * time.Second)
		w.stopped()
		r.wantMember("other", "Name", `"new"`)
		w.wantLines("ReceiveRequestAttemptId", 0)
	})
}
