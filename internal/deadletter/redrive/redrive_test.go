package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestAMovedLetterIsWhatItWas(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprint("fifo ", fifo), func(t *testing.T) {
			inBubble(t, fifo, func(r *rig) {
				r.cloud.SQS.Send(r.dlq, localcloud.Message{
					Body: " {\"Identifier\":\"a\",  \"Name\":\"é\\u0000灯\"}\n", GroupID: "home-1", TraceHeader: "Root=1-5e1b4151-5ac6c58f5b6d0d2d1f7a0f3e;Sampled=1",
					Attributes: map[string]localcloud.Attribute{
						"Failure": failure(nil), "OccurredAt": text("2026-01-02T03:04:05.123456789Z"), "DeduplicationId": text("sqs:source"),
						"binary": {DataType: "Binary.png", BinaryValue: []byte{0, 1, 0xff}}, "number": {DataType: "Number.int", StringValue: "007"},
						"text": {DataType: "String.label", StringValue: "é\t灯"},
					},
				})
				was := r.cloud.SQS.Messages(r.dlq)[0]
				r.moves(redrive.Options{})
				if r.left() != [2]int{0, 1} {
					r.Fatalf("left: %v", r.left())
				}
				is := r.cloud.SQS.Messages(r.queue)[0]
				if is.Body != was.Body || is.GroupID != was.GroupID || is.TraceHeader != was.TraceHeader || !reflect.DeepEqual(is.Attributes, was.Attributes) {
					r.Errorf("is\n%+v, was\n%+v", is, was)
				}
				if fifo && (is.DedupID == "" || is.DedupID == was.DedupID) {
					r.Errorf("deduplication id %q, was %q", is.DedupID, was.DedupID)
				}
			})
		})
	}
}

// TestADeduplicationIDIsOfOneMove: SQS drops the second of two tries of one move,
// and no second move.
func TestADeduplicationIDIsOfOneMove(t *testing.T) {
	inBubble(t, true, func(r *rig) {
		r.fill(5)
		r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
			if i.Action == "SendMessageBatch" && i.N <= 2 {
				return &localcloud.Fault{BreakAfter: true} // stored, and the answer is lost
			}
			return nil
		}
		if s := r.moves(redrive.Options{}); s.Moved != 5 || r.left() != [2]int{0, 5} {
			r.Errorf("%+v, left %v", s, r.left())
		}
		ids := map[string]bool{}
		for _, m := range r.cloud.SQS.Messages(r.queue) {
			ids[m.DedupID] = true
		}
		// The same letters, minutes later, in the dead-letter queue again.
		r.fill(5)
		r.moves(redrive.Options{})
		for _, m := range r.cloud.SQS.Messages(r.queue) {
			ids[m.DedupID] = true
		}
		if len(ids) != 10 || r.left() != [2]int{0, 10} {
			r.Errorf("%d deduplication ids, left %v", len(ids), r.left())
		}
	})
}

func TestTheRateIsHeld(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 10, 80} {
		inBubble(t, false, func(r *rig) {
			n := int(rate * 10)
			r.fill(n)
			start := time.Now()
			var last time.Time
			r.moves(redrive.Options{Rate: rate, Progress: func(s redrive.Sums) {
				if most := rate*time.Since(start).Seconds() + max(1, min(10, rate)) + 0.5; float64(s.Moved) > most {
					r.Errorf("%v/s: %d moved after %v", rate, s.Moved, time.Since(start))
				}
				if s.Moved == n && last.IsZero() {
					last = time.Now()
				}
			}})
			if took := last.Sub(start); took > 11*time.Second {
				r.Errorf("%v/s: took %v", rate, took)
			}
		})
	}
}

func TestTheHighestRateIsNoBound(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(50)
		start := time.Now()
		if s := r.moves(redrive.Options{Rate: 1e300}); s.Moved != 50 || s.Requests != 5 {
			r.Errorf("%d moved by %d requests in %v, want 50 by 5", s.Moved, s.Requests, time.Since(start))
		}
	})
}

// A rate so low that its wait is longer than a duration can be.
func TestTheLeastRateIsHeld(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(5)
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Minute)
		defer cancel()
		if s, _, _ := r.run(ctx, redrive.Options{Rate: 1e-12}); s.Moved != 1 {
			r.Errorf("%d moved in ten minutes, want the first one", s.Moved)
		}
	})
}

func TestALetterWithoutTimeStays(t *testing.T) {
	for _, force := range []bool{false, true} {
		inBubble(t, false, func(r *rig) {
			const body = `{"Identifier":"a","Name":"x"}`
			send := func(body string, attributes map[string]localcloud.Attribute) {
				r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: body, Attributes: attributes})
			}
			send(body, nil)
			send("no JSON", nil)
			send(body, map[string]localcloud.Attribute{"OccurredAt": text("yesterday")})
			send(body, map[string]localcloud.Attribute{"OccurredAt": text(time.Now().Add(time.Hour).Format(time.RFC3339))}) // a clock ahead
			send(body, map[string]localcloud.Attribute{"Failure": text(`{"reason":"not_found"}`)})                          // not ours
			// These have one.
			send(body, map[string]localcloud.Attribute{"OccurredAt": text(time.Now().Add(-time.Hour).Format(time.RFC3339))})
			send(`{"specversion":"1.0","time":"1999-12-01T00:00:00Z","data":`+body+`}`, nil)
			send(body, map[string]localcloud.Attribute{"Failure": failure(nil)})
			send("no JSON", map[string]localcloud.Attribute{"Failure": failure(func(f *message.Failure) {
				f.Reason, f.DedupKey, f.OccurredAt = message.ReceivedTooOften, "", "" // never looked into
			})})
			s := r.moves(redrive.Options{Force: force})
			want := [2]int{5, 4}
			if force {
				want = [2]int{0, 9}
			}
			if r.left() != want || s.NoTime != want[0] {
				r.Errorf("force %v: left %v, want %v; %+v", force, r.left(), want, s)
			}
		})
	}
}

func TestOnlyWhatTheFilterChoosesIsMoved(t *testing.T) {
	type filter = mailbox.Filter
	for name, c := range map[string]struct {
		filter func(ids map[string]string) filter
		want   []string
	}{
		"everything": {func(map[string]string) filter { return filter{} }, []string{"a", "b", "c", "foreign"}},
		"a reason":   {func(map[string]string) filter { return filter{Reasons: []message.Reason{message.Rejected}} }, []string{"b"}},
		"two reasons": {func(map[string]string) filter {
			return filter{Reasons: []message.Reason{message.Rejected, mailbox.Foreign}}
		}, []string{"b", "foreign"}},
		"a code":             {func(map[string]string) filter { return filter{Codes: []string{"timeout"}} }, []string{"c"}},
		"things":             {func(map[string]string) filter { return filter{Things: []string{"a", "c", "d"}} }, []string{"a", "c"}},
		"older than an hour": {func(map[string]string) filter { return filter{Before: time.Now().Add(-time.Hour)} }, []string{"a"}},
		"newer than an hour": {func(map[string]string) filter { return filter{After: time.Now().Add(-time.Hour)} }, []string{"b", "c", "foreign"}},
		"a letter's id":      {func(ids map[string]string) filter { return filter{IDs: []string{ids["b"]}} }, []string{"b"}},
		"a source message's": {func(map[string]string) filter { return filter{IDs: []string{"source-c"}} }, []string{"c"}},
		"a reason and a thing": {func(map[string]string) filter {
			return filter{Reasons: []message.Reason{message.Rejected}, Things: []string{"a"}}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, false, func(r *rig) {
				ids := map[string]string{}
				ids["a"] = r.letter("a", func(f *message.Failure) {
					f.FailedAt = time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339Nano)
				})
				ids["b"] = r.letter("b", func(f *message.Failure) { f.Reason, f.Code = message.Rejected, "ValidationException" })
				ids["c"] = r.letter("c", func(f *message.Failure) { f.Reason, f.Code = message.Exhausted, "timeout" })
				ids["foreign"] = r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: `{"Identifier":"foreign"}`})
				r.moves(redrive.Options{Filter: c.filter(ids), Force: true})
				var got []string
				for _, m := range r.cloud.SQS.Messages(r.queue) {
					got = append(got, message.PreviewOf(m.Body).Thing)
				}
				if slices.Sort(got); !slices.Equal(got, c.want) || len(r.bodies()) != 4 {
					r.Errorf("moved %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestNoMoreIsLookedAtThanIsAskedFor(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(500)
		s := r.moves(redrive.Options{Limit: 7})
		if s.Moved != 7 || s.Looked != 10 || r.left() != [2]int{493, 7} {
			r.Errorf("%+v, left %v", s, r.left())
		}
		s = r.moves(redrive.Options{Filter: mailbox.Filter{IDs: []string{"source-thing-30", "source-thing-41"}}})
		if s.Moved != 2 || s.Looked > 50 {
			r.Errorf("by id: %+v", s)
		}
	})
}

// TestTheSameFaultStopsTheRun has a worker that gives up each message for a thing
// whose name starts with "bad".
func TestTheSameFaultStopsTheRun(t *testing.T) {
	for _, c := range []struct {
		name       string
		rate       float64
		o          redrive.Options
		bad, moved int // letters that come back, and that are moved at least
		letters    int
		stopped    bool
	}{
		{"it is seen while others wait", 10, redrive.Options{StopAfter: 3}, 5, 5, 600, true},
		{"and with a limit", 10, redrive.Options{StopAfter: 3, Limit: 500}, 5, 5, 600, true},
		{"at any rate", 0, redrive.Options{StopAfter: 3}, 20, 3, 600, true},
		{"too few come back", 50, redrive.Options{StopAfter: 6}, 5, 200, 200, false},
		{"not asked for", 50, redrive.Options{}, 5, 200, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, false, func(r *rig) {
				for i := range c.letters {
					thing := fmt.Sprint("good-", i)
					if i < c.bad {
						thing = fmt.Sprint("bad-", i)
					}
					r.letter(thing, nil)
				}
				stop := r.worker()
				c.o.Rate = c.rate
				s, why, err := r.run(r.Context(), c.o)
				stop()
				same, stopped := errors.AsType[*redrive.SameFault](err)
				if stopped != c.stopped || why != nil || s.Moved < c.moved || stopped && c.rate > 0 && s.Moved > 200 {
					r.Errorf("%+v, %v, %v", s, why, err)
				}
				if stopped && (same.Times < 3 || same.Place.Reason != message.Rejected) {
					r.Errorf("%+v", same)
				}
				if !stopped && s.CameBack != c.bad {
					r.Errorf("%d came back, want %d", s.CameBack, c.bad)
				}
			})
		})
	}
}

// worker takes messages from the source queue until it is stopped: those of bad
// things are dead-lettered as the worker does it, all others are dropped.
func (r *rig) worker() (stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		box := mailbox.Open(r.client(), r.queue, policy)
		defer func() { _ = box.Close(ctx) }()
		for ctx.Err() == nil {
			letters, err := box.Next(ctx, time.Second)
			if err != nil {
				return
			}
			for _, l := range letters {
				if strings.HasPrefix(l.Thing, "bad") {
					r.letter(l.Thing, func(f *message.Failure) {
						f.Reason, f.Code, f.MessageID = message.Rejected, "ValidationException", l.Failure.MessageID
					})
				}
			}
			box.Delete(ctx, letters)
		}
	}()
	return func() { cancel(); <-done }
}

// TestASecondLetterOfAMessageIsNoneThatCameBack: a worker that died between the
// letter and the delete has left two.
func TestASecondLetterOfAMessageIsNoneThatCameBack(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		for range 20 {
			r.letter("a", nil)
		}
		time.Sleep(2 * time.Second)
		if s := r.moves(redrive.Options{StopAfter: 1, Rate: 5}); s.Moved != 20 || s.CameBack != 0 {
			r.Errorf("%+v", s)
		}
	})
}

func TestCtrlCGivesTheRestBack(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		inBubble(t, fifo, func(r *rig) {
			r.fill(300)
			ctx, cancel := context.WithCancelCause(r.Context())
			interrupted := errors.New("interrupted")
			time.AfterFunc(5500*time.Millisecond, func() { cancel(interrupted) })
			s, why, err := r.run(ctx, redrive.Options{Rate: 10})
			if !errors.Is(err, interrupted) || why != nil || s.Moved < 50 || s.Moved > 60 {
				r.Errorf("%+v, %v, %v", s, why, err)
			}
			if r.left() != [2]int{300 - s.Moved, s.Moved} || s.Waiting() != s.Looked-s.Moved {
				r.Errorf("left %v of %+v", r.left(), s)
			}
		})
	}
}

// TestTheNextRunFinishesWhatAKilledOneBegan: nothing of a run gets through from some
// request on, as if it were dead; what it held is shown again when its leases end.
func TestTheNextRunFinishesWhatAKilledOneBegan(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		inBubble(t, fifo, func(r *rig) {
			r.fill(500)
			var requests atomic.Int64
			r.cloud.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault {
				if n := requests.Add(1); n >= 80 {
					return &localcloud.Fault{BreakBefore: n > 80, BreakAfter: n == 80}
				}
				return nil
			}
			box := mailbox.Open(r.client(), r.dlq, policy)
			_, _, err := redrive.Run(r.Context(), box, mailbox.NewSender(r.client(), r.queue, policy), redrive.Options{Rules: redrive.Rules{MaxReceives: 100}})
			if err == nil || box.Close(r.Context()) == nil {
				r.Error("a run without SQS has no error")
			}
			if n := len(r.bodies()); n != 500 {
				r.Errorf("%d different letters left of 500", n)
			}
			r.cloud.Faults.OnSQS = nil
			time.Sleep(time.Minute)
			r.moves(redrive.Options{})
			if left := r.left(); left[0] != 0 || len(r.bodies()) != 500 {
				r.Errorf("left %v, %d different letters", left, len(r.bodies()))
			}
		})
	}
}

// TestTroubleLosesNothing: requests and entries of them fail, answers are lost, SQS
// hands letters out twice.
func TestTroubleLosesNothing(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		inBubble(t, fifo, func(r *rig) {
			r.fill(400)
			r.cloud.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Partial: 0.1, Error: 0.05, Duplicate: 0.2}})
			n := 0
			r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
				if i.Action != "ReceiveMessage" && i.N%7 == 0 {
					n++
					return &localcloud.Fault{BreakAfter: n%2 == 0, BreakBefore: n%2 == 1}
				}
				return nil
			}
			s, why, err := r.run(r.Context(), redrive.Options{Rate: 200})
			if s.Moved != 400 || why != nil || err != nil || n == 0 {
				r.Errorf("%+v, %v, %v", s, why, err)
			}
			if bodies := r.bodies(); len(bodies) != 400 || r.left()[0] != 0 {
				r.Errorf("%d different letters, left %v", len(bodies), r.left())
			}
			if fifo && r.left()[1] != 400 {
				r.Errorf("%d messages, want 400: SQS drops what is tried again", r.left()[1])
			}
		})
	}
}

func TestEachLetterOfABatchHasItsOwnFate(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(10)
		r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
			switch i.Action {
			case "SendMessageBatch":
				return &localcloud.Fault{Entries: map[string]string{"3": "senderFault:InvalidMessageContents"}}
			case "DeleteMessageBatch":
				return &localcloud.Fault{Entries: map[string]string{"5": "senderFault:ReceiptHandleIsInvalid"}}
			}
			return nil
		}
		s, why, err := r.run(r.Context(), redrive.Options{})
		if s.Moved != 9 || s.NotSent != 1 || s.NotDeleted != 1 || err != nil || why == nil || r.left() != [2]int{2, 9} || len(r.bodies()) != 10 {
			r.Errorf("%+v, %v, %v, left %v", s, why, err, r.left())
		}
	})
}

func TestLargeLettersAreMovedAsTheyFit(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		sizes := []int{1 << 20, 400_000, 700_000, 1000, 600_000, 600_000}
		for i, n := range sizes {
			head := fmt.Sprintf(`{"Identifier":"a","Name":"%d"}`, i)
			r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: head + strings.Repeat(" ", n-len(head))})
		}
		if s := r.moves(redrive.Options{Force: true}); s.Moved != len(sizes) || r.left() != [2]int{0, len(sizes)} {
			r.Errorf("%+v, left %v", s, r.left())
		}
	})
}

func TestWhatNothingCanBeDoneWithoutStopsTheRun(t *testing.T) {
	for action, left := range map[string][2]int{"SendMessageBatch": {300, 0}, "DeleteMessageBatch": {300, 10}, "ReceiveMessage": {300, 0}} {
		inBubble(t, false, func(r *rig) {
			r.fill(300)
			r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
				if i.Action == action {
					return &localcloud.Fault{Status: 403, Code: "AccessDeniedException"}
				}
				return nil
			}
			s, _, err := r.run(r.Context(), redrive.Options{Rate: 10})
			if err == nil || !strings.Contains(err.Error(), "allow sqs:"+strings.TrimSuffix(action, "Batch")+" ") || r.left() != left {
				r.Errorf("%s: %v, left %v, %+v", action, err, r.left(), s)
			}
		})
	}
}

// TestALeaseThatCannotBeKeptIsNotMoved: somebody else may hold the letter by then.
func TestALeaseThatCannotBeKeptIsNotMoved(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(300)
		var allowed atomic.Bool
		r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
			if !allowed.Load() && i.Action == "ChangeMessageVisibilityBatch" {
				return &localcloud.Fault{Status: 403, Code: "AccessDeniedException"}
			}
			return nil
		}
		box := mailbox.Open(r.client(), r.dlq, policy)
		s, _, _ := redrive.Run(r.Context(), box, mailbox.NewSender(r.client(), r.queue, policy), redrive.Options{Rate: 2, Rules: redrive.Rules{MaxReceives: 100}})
		allowed.Store(true)
		if err := box.Close(r.Context()); err != nil {
			r.Error(err)
		}
		if s.LeaseLost == 0 || len(r.bodies()) != 300 || s.NotDeleted > 0 || r.left() != [2]int{300 - s.Moved, s.Moved} {
			r.Errorf("%+v, left %v", s, r.left())
		}
	})
}

func TestLettersOfAFileAreSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letters.jsonl")
	inBubble(t, true, func(r *rig) {
		r.fill(43)
		w, err := mailbox.Create(path)
		if err != nil {
			r.Fatal(err)
		}
		box := mailbox.Open(r.client(), r.dlq, policy)
		for l, err := range mailbox.All(r.Context(), box) {
			if err != nil || w.Write(l) != nil {
				r.Fatal(err)
			}
		}
		if err := errors.Join(box.Close(r.Context()), w.Close()); err != nil {
			r.Fatal(err)
		}
		file, err := mailbox.OpenFile(path)
		if err != nil {
			r.Fatal(err)
		}
		defer file.Close()
		s, why, err := redrive.Run(r.Context(), file, mailbox.NewSender(r.client(), r.queue, policy), redrive.Options{Rate: 10, Rules: redrive.Rules{MaxReceives: 100}})
		if s.Moved != 43 || why != nil || err != nil || r.left() != [2]int{43, 43} {
			r.Errorf("%+v, %v, %v, left %v", s, why, err, r.left())
		}
		for body, n := range maps.All(r.bodies()) {
			if n != 2 {
				r.Errorf("%d times %s", n, body)
			}
		}
	})
}
