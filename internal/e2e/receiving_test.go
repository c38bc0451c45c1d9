package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
)

func TestALostAnswerOfAFIFOReceiveCostsSeconds(t *testing.T) {
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

// damaging is a network that spoils answers of SQS: change gets each answer to an action,
// as JSON.
type damaging struct {
	next   http.RoundTripper
	action string
	change func(answer map[string]any)
}

func (d damaging) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.next.RoundTrip(r)
	if err != nil || r.Header.Get("X-Amz-Target") != "AmazonSQS."+d.action || answer.StatusCode != 200 {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if len(body) > 0 && json.Unmarshal(body, &fields) == nil {
		d.change(fields)
		body, _ = json.Marshal(fields)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return answer, nil
}

// One message of an answer that is damaged costs that one, not the other nine.
func TestOneDamagedMessageCostsThatOneAlone(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(m map[string]any)
		later  time.Duration // when SQS gives the message again
	}{
		"the body's checksum":      {func(m map[string]any) { m["MD5OfBody"] = "d41d8cd98f00b204e9800998ecf8427e" }, 30 * time.Second},
		"the body":                 {func(m map[string]any) { m["Body"] = `{"Identifier":"thing-0","Name":"evil"}` }, 30 * time.Second},
		"the attributes' checksum": {func(m map[string]any) { m["MD5OfMessageAttributes"] = "d41d8cd98f00b204e9800998ecf8427e" }, 30 * time.Second},
		"an attribute":             {func(m map[string]any) { delete(m, "MessageAttributes") }, 30 * time.Second},
		"no body":                  {func(m map[string]any) { delete(m, "Body") }, 30 * time.Second},
		"no id":                    {func(m map[string]any) { delete(m, "MessageId") }, 3 * time.Minute},
		"no receipt handle":        {func(m map[string]any) { delete(m, "ReceiptHandle") }, 3 * time.Minute},
		"none of all":              {func(m map[string]any) { clear(m) }, 3 * time.Minute},
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			for i := range 10 {
				r.cloud.SQS.Send(r.queue, localcloud.Message{
					Body:       name2(i),
					Attributes: map[string]localcloud.Attribute{"a": text("x"), "n": {DataType: "Number.int", StringValue: "7"}, "b": {DataType: "Binary", BinaryValue: []byte{0, 1, 255}}},
				})
			}
			var spoiled atomic.Bool
			w := r.start(func(o *app.Options) {
				o.Transport = damaging{o.Transport, "ReceiveMessage", func(answer map[string]any) {
					messages, _ := answer["Messages"].([]any)
					for _, m := range messages {
						if m := m.(map[string]any); m["Body"] == name2(0) && !spoiled.Swap(true) {
							c.damage(m)
						}
					}
				}}
			})
			time.Sleep(5 * time.Second)
			for i := 1; i < 10; i++ {
				r.wantMember(fmt.Sprintf("thing-%d", i), "Name", `"new"`)
			}
			r.drained(c.later)
			w.stopped()
			r.wantMember("thing-0", "Name", `"new"`)
			r.wantNoLetters()
			w.wantLines("damaged", 1)
		})
	}
}

func name2(i int) string { return name(fmt.Sprintf("thing-%d", i), "new") }

// A message that arrives damaged each time is said once, and costs no more than a backoff.
func TestAMessageThatIsDamagedEachTimeIsSaidOnce(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.send(name("thing", "new"))
		w := r.start(func(o *app.Options) {
			o.Transport = damaging{o.Transport, "ReceiveMessage", func(answer map[string]any) {
				messages, _ := answer["Messages"].([]any)
				for _, m := range messages {
					m.(map[string]any)["MD5OfBody"] = "d41d8cd98f00b204e9800998ecf8427e"
				}
			}}
		})
		time.Sleep(10 * time.Minute)
		w.wantLines("damaged", 1)
		if receives, _ := r.cloud.SQS.Receives(r.queue); receives < 5 || receives > 200 {
			t.Errorf("%d receives in 10 minutes", receives)
		}
		if n := len(r.calls("")) + len(r.letters()); n > 0 {
			t.Errorf("%d calls and letters", n)
		}
		w.stopped()
	})
}

// An entry of which the answer says nothing is not done: its neighbours are.
func TestAnEntryThatIsMissingInAnAnswerIsNotDone(t *testing.T) {
	for name, change := range map[string]func(answer map[string]any){
		"one entry": func(answer map[string]any) { answer["Failed"] = []any{} },
		"all of it": func(answer map[string]any) { clear(answer) },
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			r.onSQS("DeleteMessageBatch", first(1, &localcloud.Fault{Entries: map[string]string{"0": "InternalError"}}))
			var changed atomic.Bool
			r.sendNames("thing", 10)
			w := r.start(func(o *app.Options) {
				o.Transport = damaging{o.Transport, "DeleteMessageBatch", func(answer map[string]any) {
					if !changed.Swap(true) {
						change(answer)
					}
				}}
			})
			r.drained(30 * time.Second)
			w.stopped()
			r.wantAppliedOnce("thing", 10)
		})
	}
}
