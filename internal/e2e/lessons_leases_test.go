package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// What users of other queue consumers reported about leases; the number is the
// lesson's.

func TestLesson10_EveryMessageOfABatchIsRenewedAndRenewalsEndWithTheMessage(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: time.Minute}, settings: func(c *config.Config) {
		c.VisibilityTimeout, c.CallTimeout = 10*time.Second, 2*time.Minute
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		w := r.start()
		r.sendNames("thing", 35)
		r.drained(3 * time.Minute)
		renewals := r.requests("ChangeMessageVisibilityBatch")
		time.Sleep(time.Hour)
		if n := r.requests("ChangeMessageVisibilityBatch"); n != renewals {
			t.Errorf("%d renewals after the last message was gone", n-renewals)
		}
		w.stopped()
		r.wantReceivedOnce(35)
		r.wantAppliedOnce("thing", 35)
	})
}

func TestLesson12_MessagesThatWaitAreRenewedToo(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.VisibilityTimeout, c.RateStart = 5*time.Second, 0.5
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		w := r.start()
		r.sendNames("thing", 100)
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantReceivedOnce(100)
		r.wantAppliedOnce("thing", 100)
	})
}

func TestLesson13_RenewalsReachAsFarAsTheWait(t *testing.T) {
	const messages = 5000
	l := layout{cloud: localcloud.Options{Quota: 10, Latency: 50 * time.Millisecond}, settings: func(c *config.Config) { c.RateStart = 10 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		for n := range messages { // of a tenant: without any, or merging, fewer are held
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprint("thing-", n), "new"), GroupID: "tenant"})
		}
		w := r.start()
		most := 0
		for left := messages; left > 0; left = r.cloud.SQS.Len(r.queue) {
			time.Sleep(20 * time.Second)
			most = max(most, w.Status().Messages.Held)
		}
		w.stopped()
		if most < messages*9/10 {
			t.Errorf("%d messages held at most: the test shows nothing", most)
		}
		r.wantReceivedOnce(messages)
		renewals := r.requests("ChangeMessageVisibilityBatch")
		t.Logf("%d renewal requests for %d messages", renewals, messages)
		if perMessage := float64(renewals) / messages; perMessage > 0.2 {
			t.Errorf("%.3f renewal requests a message, want at most 0.2", perMessage)
		}
	})
}

func TestLesson14_ALostLeaseEndsTheWaitAndNeverSettles(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.VisibilityTimeout, c.RateStart, c.Concurrency = 10*time.Second, 100, 1
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.callsFail("slow", &localcloud.Fault{Delay: 9 * time.Second})
		w := r.start()
		r.send(name("slow", "new"))
		time.Sleep(time.Second)
		r.send(name("waits", "new"))
		time.Sleep(time.Second)
		heal := r.sqsFails("ChangeMessageVisibilityBatch", &localcloud.Fault{Entries: map[string]string{
			"0": "senderFault:InvalidParameterValue", "1": "senderFault:InvalidParameterValue",
		}})
		time.Sleep(6 * time.Second)
		if n := w.outcomes()[string(message.Released)]; n != 2 {
			t.Errorf("%d released, want the one that waits and the one in its call", n)
		}
		heal()
		r.drained(5 * time.Minute)
		w.stopped()
		if n := len(r.calls("waits")); n != 1 {
			t.Errorf("%d calls for the message whose lease was lost while it waited, want only that of its second receive", n)
		}
		w.wantOutcomes(map[message.Outcome]int{message.Released: 2, message.Applied: 1, message.Duplicate: 1})
		w.wantLines("lost to the queue", 1)
	})
}

func TestLesson14_ACallUnderWayForOthersTooGoesOn(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 9 * time.Second}, settings: func(c *config.Config) {
		c.VisibilityTimeout = 10 * time.Second
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// One of the two messages that the call carries loses its lease.
		heal := r.sqsFails("ChangeMessageVisibilityBatch", &localcloud.Fault{Entries: map[string]string{"0": "senderFault:InvalidParameterValue"}})
		r.send(`{"Identifier":"thing","Name":"new"}`)
		r.send(`{"Identifier":"thing","HubNetworkMode":"STANDARD"}`)
		w := r.start()
		time.Sleep(8 * time.Second)
		if n := w.outcomes()[string(message.Released)]; n != 1 {
			t.Fatalf("%d released, want 1:\n%s", n, w.lines())
		}
		heal()
		time.Sleep(4 * time.Second)
		r.wantMember("thing", "Name", `"new"`)
		r.wantMember("thing", "HubNetworkMode", `"STANDARD"`)
		r.drained(time.Minute)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Released: 1, message.Applied: 1, message.Duplicate: 1})
		if n := len(r.calls("")); n != 1 {
			t.Errorf("%d calls, want the one that went on", n)
		}
	})
}

func TestLesson15_RenewalsGoOnWhileDraining(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 30 * time.Second}, settings: func(c *config.Config) {
		c.VisibilityTimeout, c.CallTimeout, c.ShutdownTimeout = 5*time.Second, time.Minute, time.Minute
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		first := r.start()
		r.sendNames("thing", 20)
		time.Sleep(2 * time.Second)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			first.stopped()
		}()
		second := r.start() // gets whatever the first one's leases do not hold
		<-ended
		time.Sleep(time.Minute)
		second.stopped()
		if n := second.Status().Messages.Received; n != 0 {
			t.Errorf("another worker received %d messages during the drain", n)
		}
		r.wantLeft(0)
		r.wantAppliedOnce("thing", 20)
	})
}

func TestACallThatOutlastsTheLeaseIsAppliedOnceAndReceivedOnce(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 12 * time.Second}, settings: func(c *config.Config) {
		c.VisibilityTimeout, c.CallTimeout = 5*time.Second, 30*time.Second
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("thing-0", "new"))
		r.drained(time.Minute)
		w.stopped()
		r.wantAppliedOnce("thing", 1)
		r.wantReceivedOnce(1)
	})
}

func TestAMessageHeldForTooLongIsReleasedAndCounted(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.CallTimeout, c.RetryMax = time.Minute, 5*time.Minute }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// Fewer calls to simulate than without an answer at once.
		heal := r.callsFail("*", &localcloud.Fault{Delay: time.Minute, BreakBefore: true})
		w := r.start()
		r.sendNames("thing", 5)
		time.Sleep(11*time.Hour + 29*time.Minute)
		w.wantOutcomes(map[message.Outcome]int{})
		r.wantReceivedOnce(5)
		time.Sleep(31 * time.Minute)
		if n := w.outcomes()[string(message.Released)]; n != 5 {
			t.Errorf("%d released after 12 h, want 5:\n%s", n, w.lines())
		}
		heal()
		r.drained(10 * time.Minute)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Released: 5, message.Applied: 5})
		if letters := r.letters(); len(letters) != 0 {
			t.Errorf("an outage dead-lettered %d messages", len(letters))
		}
		for n := range 5 {
			r.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
		}
	})
}

func TestNoCallStartsOnALeaseThatHasRunOut(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.VisibilityTimeout, c.RateStart, c.RateMax, c.MaxHeld = 3*time.Second, 20, 20, 200
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// Renewals hang past the lease's end, and no poll of the worker's own brings
		// the messages back: it is full, since deletes fail.
		heal := r.sqsFails("DeleteMessageBatch", internalError)
		r.sqsFails("ChangeMessageVisibilityBatch", hangs())
		r.cloud.Faults.OnCall = func(info localcloud.CallInfo) *localcloud.Fault {
			for _, m := range r.cloud.SQS.Messages(r.queue) {
				if !m.InFlight && m.Body == name(info.Thing, "new") {
					t.Errorf("%s is called while its message is anybody's", info.Thing)
				}
			}
			return nil
		}
		w := r.start()
		r.sendNames("thing", 200)
		time.Sleep(10 * time.Second)
		heal()
		r.drained(5 * time.Minute)
		w.stopped()
		for n := range 200 {
			r.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
		}
		if n := w.outcomes()[string(message.Released)]; n == 0 {
			t.Error("no lease was lost: the test shows nothing")
		}
	})
}
