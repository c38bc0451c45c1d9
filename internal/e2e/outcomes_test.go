package e2e

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestEveryOutcome(t *testing.T) {
	subtest(t, "applied", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("a", "new"))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
	})
	subtest(t, "applied, several merged into one call", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("a")
		r.send(name("a", "new"))
		time.Sleep(time.Millisecond)
		r.send(put("a", "MetaData", `{"room":"hall"}`))
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantMember("a", "MetaData", `{"room":"hall"}`)
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 3})
	})
	subtest(t, "applied where a newer one took over some of its members", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("a")
		r.send(`{"Identifier":"a","Name":"old","Model":"m1"}`)
		time.Sleep(time.Millisecond)
		r.send(name("a", "new"))
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantMember("a", "Model", `"m1"`)
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 3})
	})
	subtest(t, "superseded while waiting", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("a")
		for n := range 5 {
			r.send(name("a", fmt.Sprintf("n%d", n)))
			time.Sleep(time.Millisecond)
		}
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"n4"`)
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Superseded: 4})
	})
	subtest(t, "superseded only once the newer value is applied", layout{}, func(t *testing.T, r *rig) {
		var down atomic.Bool
		down.Store(true)
		r.onCall("a", func(n int, _ string) *localcloud.Fault {
			if n > 1 && down.Load() {
				return status(503, "ServiceUnavailableException")
			}
			return nil
		})
		w, open := r.gate("a")
		r.send(name("a", "old"))
		time.Sleep(time.Millisecond)
		r.send(name("a", "new"))
		open()
		time.Sleep(5 * time.Minute)
		r.wantLeft(2)
		down.Store(false)
		r.drained(time.Minute)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Superseded: 1})
	})
	subtest(t, "superseded, come late", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "new")})
		r.sendAt(time.Now().Add(-time.Hour), name("a", "old"))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Superseded: 1})
	})
	subtest(t, "come late with a member that is still its own", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "new")})
		r.sendAt(time.Now().Add(-time.Hour), `{"Identifier":"a","Name":"old","Model":"m1"}`)
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantMember("a", "Model", `"m1"`)
		if got := r.bodies("a")[1]; got != `{"Model":"m1"}` {
			r.t.Errorf("the late one was sent as %s", got)
		}
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
	subtest(t, "superseded_unsure", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: put("a", "MetaData", `{"room":"hall"}`)})
		r.sendAt(time.Now().Add(-time.Hour), put("a", "MetaData", `{"floor":"1"}`))
		r.sendAt(time.Now().Add(-time.Hour), put("a", "MetaData", `{"room":"den"}`))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "MetaData", `{"room":"hall"}`)
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Unsure: 1, message.Superseded: 1})
	})
	subtest(t, "duplicate: the same message after its delete", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		id := r.settled(localcloud.Message{Body: name("a", "new")})
		r.cloud.SQS.Redeliver(r.queue, id)
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 1})
	})
	subtest(t, "duplicate: the same DeduplicationId sent twice", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		m := localcloud.Message{Body: name("a", "first"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}}
		r.settled(m)
		m.Body = name("a", "second")
		r.settled(m)
		w.stopped()
		r.wantMember("a", "Name", `"first"`)
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 1})
	})
	subtest(t, "duplicate: the second comes while the first waits", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("a")
		m := localcloud.Message{Body: name("a", "first"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}}
		for range 3 {
			r.cloud.SQS.Send(r.queue, m)
			time.Sleep(time.Millisecond)
		}
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Duplicate: 2})
	})
	subtest(t, "duplicate: the second comes while the first is being sent", layout{}, func(t *testing.T, r *rig) {
		hold := make(chan struct{})
		r.callsFail("a", &localcloud.Fault{Hold: hold})
		w := r.start()
		m := localcloud.Message{Body: name("a", "first"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}}
		r.cloud.SQS.Send(r.queue, m)
		r.until("the call is under way", time.Minute, func() bool { return len(r.calls("a")) == 1 })
		r.cloud.SQS.Send(r.queue, m)
		r.taken(w)
		close(hold)
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", 1)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 1})
	})
	subtest(t, "no duplicate: different things with the same key", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		for _, thing := range []string{"a", "b", "c"} {
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(thing, "new"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}})
		}
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("", 3)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 3})
	})
	subtest(t, "no duplicate: the same word as key of different origins", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: fmt.Sprintf(`{"Type":"Notification","MessageId":"1","Message":%s}`, quoted(name("a", "sns")))})
		r.settled(localcloud.Message{Body: fmt.Sprintf(`{"detail-type":"t","id":"1","detail":%s}`, name("a", "eventbridge"))})
		r.settled(localcloud.Message{Body: name("a", "plain"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("1")}})
		w.stopped()
		r.wantCalls("a", 3)
		r.wantMember("a", "Name", `"plain"`)
	})
	subtest(t, "no duplicate: its key was remembered long enough", layout{settings: func(c *config.Config) { c.DedupTTL = time.Hour }}, func(t *testing.T, r *rig) {
		w := r.start()
		m := localcloud.Message{Body: name("a", "first"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("event-1")}}
		r.settled(m)
		time.Sleep(59 * time.Minute)
		r.settled(m)
		r.wantCalls("a", 1)
		time.Sleep(2 * time.Minute)
		r.settled(m)
		w.stopped()
		r.wantCalls("a", 2)
	})
	subtest(t, "unchanged: nothing to set", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(`{"Identifier":"a"}`)
		r.send(`{"Identifier":"a","Name":null,"MetaData":null}`)
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("", 0)
		w.wantOutcomes(map[message.Outcome]int{message.Unchanged: 2})
	})
	subtest(t, "unchanged: the same values again, where it is switched on", layout{settings: func(c *config.Config) { c.SkipUnchanged = time.Hour }}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "n1")})
		for range 3 {
			time.Sleep(15 * time.Minute)
			r.settled(localcloud.Message{Body: name("a", "n1")})
		}
		r.wantCalls("a", 1)
		time.Sleep(20 * time.Minute) // the hour counts from the call, not from the last skip
		r.settled(localcloud.Message{Body: name("a", "n1")})
		r.wantCalls("a", 2)
		r.settled(localcloud.Message{Body: name("a", "n2")})
		r.settled(localcloud.Message{Body: name("a", "n1")})
		w.stopped()
		r.wantCalls("a", 4)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 4, message.Unchanged: 3})
	})
	subtest(t, "not unchanged: switched off", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "n1")})
		r.settled(localcloud.Message{Body: name("a", "n1")})
		w.stopped()
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
	subtest(t, "not unchanged: on the word of a call that timed out", layout{settings: func(c *config.Config) { c.SkipUnchanged = time.Hour }}, func(t *testing.T, r *rig) {
		// n2 was sent and lost from sight, then refused to be sent again: whether
		// the thing has n1 or n2 is not known, so n1 is sent.
		r.onCall("a", func(n int, body string) *localcloud.Fault {
			if n == 2 {
				return &localcloud.Fault{BreakAfter: true}
			}
			if n == 3 {
				return status(400, "ValidationException")
			}
			return nil
		})
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "n1")})
		r.settled(localcloud.Message{Body: name("a", "n2")})
		r.oneLetter(message.Rejected)
		r.wantMember("a", "Name", `"n2"`)
		r.settled(localcloud.Message{Body: name("a", "n1")})
		w.stopped()
		r.wantMember("a", "Name", `"n1"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.DeadLettered: 1})
	})
	subtest(t, "released", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("*", status(503, "ServiceUnavailableException"))
		w := r.start()
		for n := range 30 {
			r.send(name(fmt.Sprintf("a%d", n%10), "new"))
		}
		time.Sleep(time.Minute)
		held := w.Status().Messages.Held // the circuit may have opened before the last of them were received
		w.stopped()
		// What is released while a poll is open may come back by it, and is released again.
		released := w.outcomes()[string(message.Released)]
		if held < 10 || released < held {
			r.t.Errorf("%d released, want the %d held at least, and those 10", released, held)
		}
		w.wantOutcomes(map[message.Outcome]int{message.Released: released})
		for _, m := range r.cloud.SQS.Messages(r.queue) {
			if m.InFlight {
				r.t.Errorf("message %s is not visible", m.ID)
			}
		}
		r.wantLeft(30)
	})
}
