package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// story is what worker explain prints of a message.
func (w *worker) story(id string) string {
	w.t.Helper()
	told, ok := w.Message(id)
	if !ok {
		w.t.Fatalf("nothing is remembered of %s", id)
	}
	var b strings.Builder
	if err := told.Write(&b); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// reads checks that a message's story has these parts, in this order.
func (w *worker) reads(id string, parts ...string) {
	w.t.Helper()
	text := w.story(id)
	w.t.Log("\n" + text)
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			w.t.Errorf("no %q, in its place, in the story", part)
			return
		}
		rest = after
	}
}

func TestAMessagesStory(t *testing.T) {
	subtest(t, "applied", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		id := r.send(name("lamp", "on"))
		r.drained(time.Minute)
		w.reads(id, "message "+id+", an update of thing lamp", "outcome: applied (the thing has its values)",
			"received from the queue for the first time", "sent to the API; answered 204", "[request ", "applied", "deleted from the queue")
		w.stopped()
	})
	subtest(t, "merged", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("lamp")
		id := r.send(name("lamp", "on"))
		r.send(`{"Identifier":"lamp","MetaData":{"room":"hall"}}`)
		open()
		r.drained(time.Minute)
		w.reads(id, "merged with 1 other message for the thing into one call", "answered 204", "applied")
		w.stopped()
	})
	subtest(t, "superseded while it waited, and by the record", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("lamp")
		at := time.Now()
		old := r.sendAt(at.Add(-30*time.Second), name("lamp", "old"))
		r.sendAt(at, name("lamp", "new"))
		open()
		r.drained(time.Minute)
		late := r.sendAt(at.Add(-time.Hour), name("lamp", "very old"))
		r.drained(time.Minute)
		w.reads(old, "outcome: superseded", "a value 30s newer waited beside it and went out in its place [request ", "all that it sets has newer values", "deleted")
		w.reads(late, "a value 1h newer had been applied before it came")
		w.stopped()
	})
	subtest(t, "throttled", layout{}, func(t *testing.T, r *rig) {
		r.onCall("lamp", first(3, status(429, "ThrottlingException")))
		w := r.start()
		id := r.send(name("lamp", "on"))
		r.drained(10 * time.Minute)
		w.reads(id, "sent to the API 3 times since ", "; the last time the API had taken as many calls as it grants (ThrottlingException)", "no failure of the message; tried again in", "answered 204", "applied")
		if failed := w.Messages(10, true); len(failed) != 0 {
			t.Errorf("it is among the failed: %v", failed)
		}
		w.stopped()
	})
	subtest(t, "dead-lettered after a call with others was refused", layout{}, func(t *testing.T, r *rig) {
		r.onCall("lamp", func(_ int, body string) *localcloud.Fault {
			if strings.Contains(body, "refuse me") {
				return status(400, "ValidationException")
			}
			return nil
		})
		w, open := r.gate("lamp")
		id := r.send(name("lamp", "refuse me"))
		r.send(`{"Identifier":"lamp","MetaData":{"room":"hall"}}`)
		open()
		r.drained(10 * time.Minute)
		w.reads(id, "outcome: dead_lettered", "merged with 1 other message", "failed after", "ValidationException",
			"each of them now goes out in a call of its own", "stored in the dead-letter queue: rejected, ValidationException", "deleted")
		failed := w.Messages(10, true)
		if len(failed) != 1 || failed[0].ID != id || failed[0].Thing != "lamp" || failed[0].Reason != "rejected" {
			t.Errorf("failed: %+v", failed)
		}
		w.stopped()
	})
	subtest(t, "invalid", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		id := r.send(`{"Identifier":"lamp","Nmae":"on"}`)
		r.drained(time.Minute)
		bad := r.send(`{"Identifier":"lamp"} and more`)
		r.drained(time.Minute)
		w.reads(id, "outcome: dead_lettered (it is in the dead-letter queue; worker dlq show "+id+" shows it)",
			"stored in the dead-letter queue: invalid_message: /Nmae: unknown member")
		w.reads(bad, "stored in the dead-letter queue: invalid_message: the whole message: nothing after the JSON value")
		w.stopped()
	})
	subtest(t, "invalid in several places", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		id := r.send(`{"Identifier":"lamp","Nmae":"on","Serial":"x"}`)
		r.drained(time.Minute)
		w.reads(id, "invalid_message: /Nmae: unknown member (the first of 2 faults)")
		w.stopped()
	})
	subtest(t, "for a thing that is not there yet", layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("lamp", status(404, "ResourceNotFoundException"))
		w := r.start()
		id := r.send(name("lamp", "on"))
		time.Sleep(30 * time.Second)
		w.reads(id, "outcome: waiting", "times since ", "; the last failed after", "ResourceNotFoundException",
			"; the thing may be on its way: it is tried for 1m after the message was sent; tried again in ",
			"it waits for its next call: 1 thing waits, and ", " calls a second may go out")
		w.Pause()
		w.reads(id, "it waits, as all messages do: paused by an operator")
		w.Resume()
		heal()
		r.drained(time.Minute)
		w.reads(id, "outcome: applied", "answered 204")
		w.stopped()
	})
	subtest(t, "held through an outage, its lease renewed", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("*", status(503, "ServiceUnavailableException"))
		w := r.start()
		var last string
		for n := range 5 {
			last = r.send(name(fmt.Sprintf("lamp-%d", n), "on"))
		}
		time.Sleep(9*time.Minute + 30*time.Second) // between two renewals
		w.reads(last, "outcome: waiting", "received", "its lease was renewed 9 times", "failed after", "the circuit is open since", "the service is in trouble, or cannot be reached")
		if failed := w.Messages(10, true); len(failed) == 0 || failed[0].Outcome != "waiting" || failed[0].Code != "ServiceUnavailableException" {
			t.Errorf("failed: %+v", failed)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		w.reads(last, "outcome: released (it was given back to the queue, and comes again)", "given back to the queue", "visible in the queue again")
	})
}
