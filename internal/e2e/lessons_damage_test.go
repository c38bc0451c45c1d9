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

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
)

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
			if n := len(r.letters()); n > 0 {
				t.Errorf("%d letters", n)
			}
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
