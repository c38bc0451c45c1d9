package consumer_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/message"
)

func TestIdleQueueCostsFewReceives(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		r.settle(message.Applied, r.q.sendAnd(500)...) // up to four pollers
		pass(time.Minute)
		before := r.q.count("ReceiveMessage")
		pass(10 * time.Minute)
		if n := r.q.count("ReceiveMessage") - before; n > 40 {
			t.Errorf("%d receives in 10 idle minutes", n)
		}
		if open := r.Stats().PollsOpen; open != 1 {
			t.Errorf("%d polls open", open)
		}
	})
}

// With too many messages in flight SQS answers a long poll at once with nothing.
func TestEmptyAnswersAtOnceAreNoHotLoop(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		pass(10 * time.Minute)
		if n := r.q.count("ReceiveMessage"); n > 120 {
			t.Errorf("%d receives in 10 minutes", n)
		}
	}, func(r *rig) { r.q.nothing = true })
}

func TestPollersFollowTheBacklog(t *testing.T) {
	var most atomic.Int32
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(1000)
		pass(5 * time.Second)
		r.settle(message.Applied, ids...)
		if most.Load() != 4 {
			t.Errorf("%d polls at once at most, want 4", most.Load())
		}
	}, func(r *rig) {
		var open atomic.Int32
		r.q.fault = func(_ context.Context, action string, _ int) error {
			if action == "ReceiveMessage" {
				most.Store(max(most.Load(), open.Add(1)))
				time.Sleep(10 * time.Millisecond)
				open.Add(-1)
			}
			return nil
		}
	})
}

func TestReceiveThatNeverReturnsIsBounded(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		pass(31 * time.Second)
		ids := r.q.sendAnd(1)
		pass(time.Second)
		if len(r.inbox.all()) != len(ids) {
			t.Error("nothing comes in after a receive that hung")
		}
		if n := r.Stats().PollsCut; n != 0 {
			t.Errorf("%d polls cut", n)
		}
	}, func(r *rig) {
		r.q.fault = hangs("ReceiveMessage", 1)
	})
}

func TestReceiveErrorsBackOffAndAreLoggedOnce(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	run(t, defaults(), func(r *rig) {
		pass(10 * time.Minute)
		if n := r.q.count("ReceiveMessage"); n < 20 || n > 150 {
			t.Errorf("%d receives in 10 minutes of errors", n)
		}
		lines := r.logs.All()
		if len(lines) != 1 || !strings.Contains(lines[0].Message, "sqs:ReceiveMessage") {
			t.Errorf("%d log lines, want one that names the permission: %v", len(lines), lines)
		}
		broken.Store(false)
		pass(time.Minute)
		if r.logs.FilterMessageSnippet("works again").Len() != 1 || r.logs.Len() != 2 {
			t.Errorf("log %v", r.logs.All())
		}
		r.q.send(1)
		pass(time.Second)
		if r.inbox.deliveries("m1") != 1 {
			t.Error("nothing comes in after it works again")
		}
	}, func(r *rig) {
		r.q.fault = fails("ReceiveMessage", apiError("AccessDenied"), &broken)
	})
}

func TestHeldIsBoundedByMessages(t *testing.T) {
	for _, most := range []int{1, 7, 10, 25, 100} {
		o := defaults()
		o.MaxHeld = most
		run(t, o, func(r *rig) {
			r.q.send(200)
			pass(time.Second)
			held := r.Stats().Held
			if held > most || held < most-9 {
				t.Errorf("%d held, at most %d", held, most)
			}
			for settled := range 200 {
				r.inbox.all()[settled].Settle(message.Applied)
				if s := r.Stats(); s.Held+s.Settling > most {
					t.Fatalf("%d held, %d settling, at most %d", s.Held, s.Settling, most)
				}
				pass(time.Second)
			}
			r.wantLeft()
		})
	}
}

func TestHeldIsBoundedByBytes(t *testing.T) {
	for _, most := range []int64{10 << 20, 25 << 20, 1 << 20} {
		o := defaults()
		o.MaxHeldBytes = most
		run(t, o, func(r *rig) {
			body := strings.Repeat("x", 1<<20)
			if most < 10<<20 {
				body = body[:100<<10]
			}
			for i := range 60 {
				r.q.add(&stored{id: string(rune('A' + i)), body: body})
			}
			for settled := range 60 {
				pass(2 * time.Second)
				if s := r.Stats(); s.HeldBytes > most {
					t.Fatalf("%d bytes held, at most %d", s.HeldBytes, most)
				}
				r.inbox.all()[settled].Settle(message.Applied)
			}
			pass(2 * time.Second)
			r.wantLeft()
		})
	}
}

func TestWhatAMessageBrings(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		sent := time.Now()
		r.q.add(&stored{id: "full", body: "{}", attributes: map[string]types.MessageAttributeValue{
			"Text":  {DataType: aws.String("String.kind"), StringValue: aws.String("value")},
			"Bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{1}},
		}})
		pass(time.Second)
		r.q.add(&stored{id: "bare", body: "x", noSystem: true})
		pass(time.Second)

		m := r.inbox.last("full").Message()
		if !m.SentAt.Equal(sent.Truncate(time.Millisecond)) || m.Receives != 1 || m.SequenceNumber != "123" || m.GroupID != "group" || m.TraceHeader != "Root=1" || m.Body != "{}" {
			t.Errorf("%+v", m)
		}
		if a := m.Attributes["Text"]; a.DataType != "String.kind" || a.StringValue != "value" || a.BinaryValue != nil {
			t.Errorf("%+v", a)
		}
		if a := m.Attributes["Bytes"]; a.DataType != "Binary" || len(a.BinaryValue) != 1 {
			t.Errorf("%+v", a)
		}
		m = r.inbox.last("bare").Message()
		if m.Receives != 1 || !m.SentAt.Equal(sent.Add(time.Second).Truncate(time.Millisecond)) || m.Attributes != nil {
			t.Errorf("%+v", m)
		}
		if s := r.Stats(); !s.OldestSentAt.Equal(sent.Truncate(time.Millisecond)) || s.HeldBytes != int64(len("{}TextString.kindvalueBytesBinary")+1+len("x")) {
			t.Errorf("%+v", s)
		}
	})
}

func TestLoopsShowThatTheyTurn(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		for range 100 {
			pass(7 * time.Second)
			s := r.Stats()
			if time.Since(s.ReceiveBeat) > 5*time.Second || time.Since(s.KeepBeat) > 5*time.Second {
				t.Fatalf("receiving turned %s ago, keeping %s ago", time.Since(s.ReceiveBeat), time.Since(s.KeepBeat))
			}
		}
		if since := time.Since(r.Stats().LastReceive); since > 20*time.Second {
			t.Errorf("last receive %s ago", since)
		}
	})
}
