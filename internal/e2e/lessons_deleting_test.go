package e2e

import (
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// What users of other queue consumers reported about deleting; the number is the
// lesson's.

func TestLesson01_AFailedDeleteBatchDoesNotStopReceiving(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.sqsFails("DeleteMessageBatch", internalError)
		w := r.start()
		r.sendNames("before", 25)
		time.Sleep(30 * time.Second)
		r.sendNames("meanwhile", 25)
		time.Sleep(30 * time.Second)
		r.wantAppliedOnce("meanwhile", 25)
		r.wantLeft(50)
		heal()
		r.drained(time.Minute)
		w.stopped()
		r.wantAppliedOnce("before", 25)
		r.wantReceivedOnce(50)
		w.wantLines("DeleteMessageBatch", 2) // when it began and when it was over
	})
}

func TestLesson02_AFailedEntryOfADeleteBatchIsRetried(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.sqsFails("DeleteMessageBatch", &localcloud.Fault{Entries: map[string]string{"0": "InternalError", "3": "ThrottlingException"}})
		w := r.start()
		r.sendNames("thing", 20)
		time.Sleep(20 * time.Second)
		heal()
		r.drained(time.Minute)
		w.stopped()
		r.wantAppliedOnce("thing", 20)
		r.wantReceivedOnce(20)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 20})
	})
}

func TestLesson03_TheSameMessageTwiceInOneBatch(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.cloud.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Duplicate: 1}}) // four times each, within one receive too
		r.sendNames("thing", 10)
		w := r.start()
		r.drained(time.Minute)
		w.stopped()
		r.wantAppliedOnce("thing", 10)
		w.wantQuiet()
		if n := w.Status().Messages.ReceivedAgain; n == 0 {
			t.Error("no message was received twice: the test shows nothing")
		}
	})
}

func TestLesson04_DeletesNotYetFullToABatchAreFlushedAtShutdown(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.WaitTime = 0 }} // no long poll holds the stop up
	inBubble(t, l, func(t *testing.T, r *rig) {
		w := r.start()
		r.sendNames("thing", 3)
		r.until("all are applied", time.Minute, func() bool { return w.outcomes()[string(message.Applied)] == 3 })
		if n := r.requests("DeleteMessageBatch"); n != 0 {
			t.Fatalf("%d batches of deletes before the stop: the test shows nothing", n)
		}
		began := time.Now()
		w.stopped()
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("the stop took %v", took)
		}
		r.wantLeft(0)
		if n := r.requests("DeleteMessageBatch"); n != 1 {
			t.Errorf("%d batches of deletes, want 1", n)
		}
	})
}

func TestLesson05_TheNewestReceiptHandleDeletes(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 5 * time.Second}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		heal := r.sqsFails("DeleteMessageBatch", internalError)
		w := r.start()
		id := r.send(name("thing", "new"))
		time.Sleep(2 * time.Second)
		r.cloud.SQS.Redeliver(r.queue, id) // during the call
		time.Sleep(10 * time.Second)
		r.cloud.SQS.Redeliver(r.queue, id) // while its delete is tried
		time.Sleep(10 * time.Second)
		heal()
		r.drained(time.Minute)
		w.stopped()
		if s := w.Status().Messages; s.Received != 1 || s.ReceivedAgain != 2 {
			t.Errorf("received %d, again %d; want 1 and 2", s.Received, s.ReceivedAgain)
		}
		if n := len(r.calls("thing")); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestLesson06_ASkippedDuplicateIsDeletedToo(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		for range 3 {
			r.cloud.SQS.Send(r.queue, localcloud.Message{
				Body:       name("thing", "new"),
				Attributes: map[string]localcloud.Attribute{"DeduplicationId": {DataType: "String", StringValue: "event-1"}},
			})
			r.drained(time.Minute)
		}
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 2})
		if n := len(r.calls("thing")); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
		if letters := r.letters(); len(letters) != 0 {
			t.Errorf("letters: %v", letters)
		}
	})
}

func TestLesson07_AnExpiredHandleIsNoCrash(t *testing.T) {
	for _, code := range []string{"InvalidParameterValue", "ReceiptHandleIsInvalid"} {
		subtest(t, code, layout{}, func(t *testing.T, r *rig) {
			heal := r.sqsFails("DeleteMessageBatch", &localcloud.Fault{Entries: map[string]string{"0": "senderFault:" + code}})
			w := r.start()
			r.send(name("stale", "new"))
			time.Sleep(10 * time.Second)
			heal()
			r.sendNames("other", 10)
			r.drained(10 * time.Minute) // it comes again when its lease ends, and is known then
			w.stopped()
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 11, message.Duplicate: 1})
			r.wantMember("stale", "Name", `"new"`)
			r.wantAppliedOnce("other", 10)
			if n := len(r.calls("stale")); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

func TestLesson08_NothingIsDeletedThatWasNotProcessed(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", brokenBefore)
		first := r.start()
		r.send(`{"Identifier":"thing-50","Name":7}`)
		r.until("the invalid one's letter is stored", time.Minute, func() bool { return len(r.letters()) == 1 })
		r.sendNames("thing", 50)
		time.Sleep(10 * time.Minute)
		r.wantLeft(50) // all but the invalid one, whose letter is stored
		first.stopped()
		r.wantLeft(50)
		r.wantNothingInFlight()
		r.oneLetter(message.InvalidMessage)
		heal()
		second := r.start()
		r.drained(10 * time.Minute)
		second.stopped()
		for _, thing := range r.cloud.Things.IDs() {
			if n := r.applied(thing); n != 1 {
				t.Errorf("%s applied %d times", thing, n)
			}
		}
		if n := len(r.cloud.Things.IDs()); n != 50 {
			t.Errorf("%d things, want 50", n)
		}
	})
}

func TestLesson09_AMissingPermissionDegradesAndNamesItself(t *testing.T) {
	for _, c := range []struct {
		action, permission string
		left               int // messages that stay while it is denied: of 10 good ones and an invalid one
	}{
		{"ReceiveMessage", "sqs:ReceiveMessage", 11},
		{"DeleteMessageBatch", "sqs:DeleteMessage", 11},
		{"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", 0},
		{"SendMessageBatch", "sqs:SendMessage", 1},
		{"GetQueueAttributes", "sqs:GetQueueAttributes", 0},
	} {
		l := layout{cloud: localcloud.Options{Latency: 8 * time.Second}, settings: func(c *config.Config) {
			c.VisibilityTimeout = 10 * time.Second // so that leases would be renewed
		}}
		subtest(t, c.action, l, func(t *testing.T, r *rig) {
			r.cfg.DLQURL = r.dlq
			heal := r.sqsFails(c.action, denied)
			w := r.start(func(o *app.Options) { o.Examine = true }) // as worker run does
			r.sendNames("thing", 10)
			r.send("{")
			time.Sleep(time.Minute)
			r.wantLeft(c.left)
			if applied := w.outcomes()[string(message.Applied)]; c.action != "ReceiveMessage" && applied != 10 {
				t.Errorf("%d applied, want 10", applied)
			}
			w.wantLines(c.permission, map[bool]int{true: 2, false: 1}[c.action == "GetQueueAttributes"]) // of two queues
			heal()
			r.drained(3 * time.Minute)
			w.stopped()
			r.wantAppliedOnce("thing", 10)
			r.oneLetter(message.InvalidMessage)
		})
	}
}
