package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// What waits for minutes is renewed to the end of its wait, not again and again.
func TestRenewalsReachAsFarAsTheExpectedWait(t *testing.T) {
	const messages = 300
	l := layout{cloud: localcloud.Options{Latency: 50 * time.Millisecond}, settings: func(c *config.Config) { c.RateStart, c.RateMax = 1, 1 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.sendTenant(messages)
		w := r.start()
		time.Sleep(10 * time.Second)
		if held := w.Status().Messages.Held; held < messages*9/10 {
			t.Errorf("%d messages held: the test shows nothing", held)
		}
		r.drained(10 * time.Minute)
		w.stopped()
		r.wantReceivedOnce(messages)
		if n := r.requests("ChangeMessageVisibilityBatch"); n > messages*15/100 {
			t.Errorf("%d renewal requests for %d messages", n, messages)
		}
	})
}

func TestALostLeaseEndsTheWaitAndNeverSettles(t *testing.T) {
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
		r.wantCalls("waits", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Released: 2, message.Applied: 1, message.Duplicate: 1})
		w.wantLines("lost to the queue", 1)
	})
}

func TestACallForOthersTooGoesOnWhenOneLeaseIsLost(t *testing.T) {
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
		r.wantCalls("", 1)
	})
}

func TestNoCallStartsOnALeaseThatHasRunOut(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.VisibilityTimeout, c.RateStart, c.RateMax, c.MaxHeld = 3*time.Second, 20, 20, 200
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.sqsFails("ChangeMessageVisibilityBatch", hangs())
		r.apiFaults.add(func(info localcloud.CallInfo) *localcloud.Fault {
			for _, m := range r.cloud.SQS.Messages(r.queue) {
				if !m.InFlight && m.Body == name(info.Thing, "new") {
					t.Errorf("%s is called while its message is anybody's", info.Thing)
				}
			}
			return nil
		})
		w := r.start()
		r.sendTenant(200)
		time.Sleep(2 * time.Second)
		heal := r.sqsFails("ReceiveMessage", &localcloud.Fault{ReceiveNothing: true}) // or a poll would bring them back
		time.Sleep(8 * time.Second)
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
