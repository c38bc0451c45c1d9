package consumer_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/message"
)

func TestSettledMessagesAreDeleted(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.send(25)
		pass(0)
		r.settle(message.Applied, ids[:12]...)
		pass(time.Second / 10)
		r.settle(message.Superseded, ids[12:20]...)
		pass(time.Second / 10)
		r.settle(message.Duplicate, ids[20:]...)
		pass(time.Second)
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.Applied: 12, message.Superseded: 8, message.Duplicate: 5})
		if n := r.q.count("DeleteMessageBatch"); n != 3 {
			t.Errorf("%d delete requests for 25 messages, want 3", n)
		}
		if s := r.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.Settling != 0 {
			t.Errorf("still takes up room: %+v", s)
		}
	})
}

func TestFirstEndingCounts(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.send(1)[0]
		pass(0)
		d := r.inbox.last(id)
		if !d.Live() {
			t.Error("not live right after its receive")
		}
		d.Settle(message.Unchanged)
		d.Release(0)
		d.DeadLetter(nil, message.Failure{Reason: message.Rejected})
		d.Settle(message.Applied)
		if d.Live() {
			t.Error("live after it was settled")
		}
		r.flush()
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.Unchanged: 1})
	})
}

func TestFIFODeletesDoNotLinger(t *testing.T) {
	o := defaults()
	o.QueueURL += ".fifo"
	run(t, o, func(r *rig) {
		id := r.q.send(1)[0]
		pass(0)
		r.settle(message.Applied, id)
		pass(0)
		r.wantLeft()
	})
}

func TestFailedDeleteBatchDoesNotStopReceiving(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	run(t, defaults(), func(r *rig) {
		r.settle(message.Applied, r.q.sendAnd(20)...)
		pass(time.Minute)
		more := r.q.sendAnd(20)
		for _, id := range more {
			if r.inbox.deliveries(id) != 1 {
				t.Errorf("%s was delivered %d times", id, r.inbox.deliveries(id))
			}
		}
		r.settle(message.Applied, more...)
		pass(time.Minute)
		broken.Store(false)
		pass(30 * time.Second)
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.Applied: 40})
	}, func(r *rig) {
		r.q.fault = fails("DeleteMessageBatch", apiError("InternalError"), &broken)
	})
}

func TestFailedEntryOfADeleteIsRetriedAlone(t *testing.T) {
	var refused atomic.Int32
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(10)
		r.settle(message.Applied, ids...)
		pass(time.Minute)
		r.wantLeft()
		if n := r.q.entries["DeleteMessageBatch"]; n != 13 {
			t.Errorf("%d entries deleted, want 10 and 3 retries", n)
		}
	}, func(r *rig) {
		r.q.entry = func(action, id string) string {
			if action == "DeleteMessageBatch" && id == "m4" && refused.Add(1) <= 3 {
				return "InternalError"
			}
			return ""
		}
	})
}

// Applied by SQS, but reported as failed: deleting again does no harm.
func TestDeleteThatIsReportedAsFailedIsRepeated(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		r.settle(message.Applied, r.q.sendAnd(3)...)
		r.flush()
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.Applied: 3})
	}, func(r *rig) {
		r.q.late = func(_ context.Context, action string, n int) error {
			if action == "DeleteMessageBatch" && n == 1 {
				return errBroken
			}
			return nil
		}
	})
}

func TestSameMessageTwiceInOneReceive(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(5)
		for _, id := range ids {
			if n := r.inbox.deliveries(id); n != 1 {
				t.Errorf("%s was delivered %d times", id, n)
			}
		}
		if s := r.Stats(); s.Received != 5 || s.Again != 5 || s.Held != 5 {
			t.Errorf("%+v", s)
		}
		r.settle(message.Applied, ids...)
		r.flush()
		r.wantLeft()
	}, func(r *rig) { r.q.twice = true })
}

func TestDeletesThatFillNoBatchAreFlushed(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		r.settle(message.Applied, r.q.sendAnd(3)...)
		start := time.Now()
		r.flush()
		r.wantLeft()
		if took := time.Since(start); took != 0 {
			t.Errorf("took %s: waited for the batch to fill", took)
		}
	})
}

func TestNewestHandleDeletes(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		pass(time.Minute - time.Second)
		r.q.redeliver(id)
		pass(0)
		if n := r.inbox.deliveries(id); n != 1 {
			t.Errorf("delivered %d times", n)
		}
		if s := r.Stats(); s.Again != 1 || s.Received != 1 || s.Held != 1 {
			t.Errorf("%+v", s)
		}
		r.settle(message.Applied, id)
		r.flush()
		r.wantLeft()
	})
}

// Received again while its delete is under way.
func TestReceivedAgainDuringItsDelete(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.settle(message.Applied, id)
		pass(1500 * time.Millisecond) // the first delete is under way
		r.q.redeliver(id)
		pass(time.Minute)
		r.wantLeft()
		if n := r.inbox.deliveries(id); n != 1 {
			t.Errorf("delivered %d times", n)
		}
		r.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
	}, func(r *rig) {
		r.q.fault = slow("DeleteMessageBatch", 1, 2*time.Second)
	})
}

func TestHandleThatIsNoGoodIsGivenUp(t *testing.T) {
	for _, code := range []string{"!ReceiptHandleIsInvalid", "!InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"} {
		t.Run(code, func(t *testing.T) {
			run(t, defaults(), func(r *rig) {
				ids := r.q.sendAnd(10)
				r.settle(message.Applied, ids[:5]...)
				for _, id := range ids[5:] {
					r.inbox.last(id).Release(0)
				}
				r.flush()
				if s := r.Stats(); s.Settling != 0 || s.Held != 0 {
					t.Errorf("%+v", s)
				}
				more := r.q.sendAnd(1) // receiving goes on
				if r.inbox.deliveries(more[0]) != 1 {
					t.Error("no message comes in any more")
				}
			}, func(r *rig) {
				r.q.entry = func(_, id string) string {
					if n := strings.TrimPrefix(id, "m"); len(n) == 1 || n == "10" {
						return code
					}
					return ""
				}
			})
		})
	}
}

func TestNothingIsDeletedThatWasNotSettled(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(30)
		r.settle(message.Applied, ids[0])
		r.inbox.last(ids[1]).Release(time.Hour)
		pass(time.Hour)
		r.wantLeft(ids[1:]...)
	})
}

func TestMissingPermissionDegradesAndNamesItself(t *testing.T) {
	for action, needs := range map[string]string{
		"ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
		"DeleteMessageBatch":           "sqs:DeleteMessage",
	} {
		t.Run(action, func(t *testing.T) {
			run(t, defaults(), func(r *rig) {
				r.inbox.on = func(d *consumer.Delivery) {
					time.AfterFunc(90*time.Second, func() { d.Settle(message.Applied) })
				}
				for range 10 {
					r.q.send(10)
					pass(time.Minute)
				}
				s := r.Stats()
				if s.Outcomes[message.Applied] < 80 {
					t.Errorf("does not go on: %+v", s)
				}
				lines := r.logs.FilterMessageSnippet(needs).All()
				if len(lines) != 1 || lines[0].ContextMap()["action"] != action {
					t.Errorf("%d lines name the permission, want 1: %v", len(lines), lines)
				}
				pass(20 * time.Minute)
				if action == "DeleteMessageBatch" && r.q.receives("m1") < 2 {
					t.Error("what cannot be deleted takes up its room for ever")
				}
			}, func(r *rig) {
				r.q.fault = fails(action, apiError("AccessDenied"))
			})
		})
	}
}

func TestReleaseMakesVisibleAfterItsDelay(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(2)
		r.stopReceiving()
		pass(20 * time.Second) // the open poll comes back
		r.inbox.last(ids[0]).Release(0)
		r.inbox.last(ids[1]).Release(1500 * time.Millisecond)
		pass(0)
		r.wantVisible(ids[0])
		if in := r.q.visibleIn(ids[1]); in != 2*time.Second {
			t.Errorf("visible in %s, want the whole seconds above the delay", in)
		}
		r.wantOutcomes(map[message.Outcome]int{message.Released: 2})
	})
}

func TestReleasedMessageIsANewOneWhenItComesAgain(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.inbox.last(id).Release(0)
		pass(time.Second)
		if n := r.inbox.deliveries(id); n != 2 {
			t.Fatalf("delivered %d times", n)
		}
		if got := r.inbox.last(id).Message().Receives; got != 2 {
			t.Errorf("the second delivery has %d receives", got)
		}
		r.settle(message.Applied, id)
		r.flush()
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.Released: 1, message.Applied: 1})
	}, func(r *rig) {
		// SQS has made it visible, and this consumer received it again, before the release's answer came.
		r.q.late = slow("ChangeMessageVisibilityBatch", 1, 500*time.Millisecond)
	})
}

func TestLetterIsStoredBeforeItsMessageIsDeleted(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(12)
		u := &message.Update{Thing: "t"}
		for _, id := range ids {
			r.inbox.last(id).DeadLetter(u, message.Failure{Reason: message.Rejected, Code: "ValidationException"})
		}
		pass(10 * time.Minute) // leases are renewed meanwhile
		r.wantLeft(ids...)
		r.wantVisible()
		r.wantOutcomes(nil)
		if r.Stats().Held != 12 {
			t.Errorf("%+v", r.Stats())
		}
		if n := r.logs.FilterMessageSnippet("dead letters stay").Len(); n != 1 {
			t.Errorf("%d log lines", n)
		}
		away.Store(false)
		r.flush()
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 12})
		if got := r.letters.ids(); len(got) != 12 {
			t.Errorf("letters of %v", got)
		}
		if l := r.letters.stored[0]; l.Update != u || l.Failure.Code != "ValidationException" || !strings.HasPrefix(l.Message.Body, "body of") {
			t.Errorf("letter %+v", l)
		}
	}, func(r *rig) {
		r.letters.fault = unstored(func(string) bool { return away.Load() })
	})
}

func TestLeaseIsRenewedWhileItsLetterIsUnderWay(t *testing.T) {
	o := defaults()
	o.Visibility = 10 * time.Second
	run(t, o, func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.inbox.last(id).DeadLetter(nil, message.Failure{Reason: message.Rejected})
		for range 24 {
			pass(time.Second)
			r.wantVisible()
		}
		pass(2 * time.Second)
		r.wantLeft()
		r.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 1})
	}, func(r *rig) { r.letters.delay = 25 * time.Second })
}

// A message whose letter is stored is from then on only deleted.
func TestMessageWithAStoredLetterIsOnlyDeleted(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.inbox.last(id).DeadLetter(nil, message.Failure{Reason: message.Rejected})
		pass(5 * time.Minute) // its delete is given up at once; its lease runs out
		r.wantLeft()
		if n := r.inbox.deliveries(id); n != 1 {
			t.Errorf("delivered %d times", n)
		}
		if got := r.letters.ids(); len(got) != 1 {
			t.Errorf("letters %v", got)
		}
		r.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 1, message.Duplicate: 1})
	}, func(r *rig) {
		first := true
		r.q.entry = func(action, _ string) string {
			if action == "DeleteMessageBatch" && first {
				first = false
				return "!ReceiptHandleIsInvalid"
			}
			return ""
		}
	})
}

// Deletes in parallel: a slow one does not hold up the rest.
func TestSlowDeleteDoesNotHoldUpOthers(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(40)
		r.settle(message.Applied, ids...)
		pass(time.Second)
		if left := len(r.q.left()); left != 10 {
			t.Errorf("%d left, want the 10 of the slow batch", left)
		}
		pass(10 * time.Second)
		r.wantLeft()
	}, func(r *rig) {
		r.q.fault = hangs("DeleteMessageBatch", 2)
	})
}

// A delete does not wait for others into the end of its lease.
func TestDeleteDoesNotLingerPastItsLease(t *testing.T) {
	o := defaults()
	o.Visibility = 2 * time.Second
	run(t, o, func(r *rig) {
		id := r.q.sendAnd(1)[0]
		pass(1100 * time.Millisecond)
		r.settle(message.Applied, id)
		pass(0)
		r.wantLeft()
	}, func(r *rig) {
		r.q.fault = fails("ChangeMessageVisibilityBatch", apiError("AccessDenied"))
	})
}

// It is damaged again when it comes while it is given back.
func TestAMessageDamagedAgainDuringItsReleaseIsNotHandedOver(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		r.q.add(&stored{id: "m1", body: ""})
		pass(time.Minute)
		if n := r.inbox.deliveries("m1"); n > 0 {
			t.Errorf("handed over %d times, damaged", n)
		}
		r.q.mu.Lock()
		r.q.find("m1").body = "whole"
		r.q.mu.Unlock()
		pass(5 * time.Minute)
		r.settle(message.Applied, "m1")
		r.flush()
		r.wantLeft()
	}, func(r *rig) {
		r.q.late = slow("ChangeMessageVisibilityBatch", 0, 5*time.Second)
	})
}
