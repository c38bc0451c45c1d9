package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestEveryReasonOfADeadLetter(t *testing.T) {
	subtest(t, "invalid_message", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: `{"Identifier":"a","Name":""}`})
		w.stopped()
		l := r.oneLetter(message.InvalidMessage)
		if len(l.Failure.Faults) == 0 || l.Failure.Faults[0].Pointer != "/Name" || l.Failure.Receives != 1 {
			r.t.Errorf("%+v", l.Failure)
		}
		r.wantCalls("", 0)
		w.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 1})
	})
	subtest(t, "rejected", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(400, "ValidationException"))
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "new")})
		w.stopped()
		if l := r.oneLetter(message.Rejected); l.Failure.Code != "ValidationException" || l.Failure.RequestID != r.calls("a")[0].RequestID {
			r.t.Errorf("%+v", l.Failure)
		}
		r.wantCalls("a", 1)
	})
	subtest(t, "not_found, a minute after it was sent", layout{}, func(t *testing.T, r *rig) {
		r.cloud.Things.Remove("a")
		w := r.start()
		sent := time.Now()
		r.send(name("a", "new"))
		time.Sleep(55 * time.Second)
		r.wantNoLetters()
		r.drained(time.Minute)
		w.stopped()
		l := r.oneLetter(message.NotFound)
		if at := l.SentAt.Sub(sent); at < time.Minute || at > 70*time.Second {
			r.t.Errorf("the letter came %v after the message was sent", at)
		}
		if l.Failure.Code != "ResourceNotFoundException" {
			r.t.Errorf("%+v", l.Failure)
		}
	})
	subtest(t, "not_found, sent long ago", layout{}, func(t *testing.T, r *rig) {
		r.cloud.Things.Remove("a")
		r.send(name("a", "new"))
		time.Sleep(time.Hour)
		w := r.start()
		r.drained(time.Minute)
		w.stopped()
		r.oneLetter(message.NotFound)
		r.wantCalls("a", 1)
	})
	subtest(t, "no not_found: the thing appears within the minute", layout{}, func(t *testing.T, r *rig) {
		r.cloud.Things.Remove("a")
		w := r.start()
		r.send(name("a", "new"))
		time.Sleep(40 * time.Second)
		r.cloud.Things.Create("a")
		r.drained(time.Minute)
		w.stopped()
		r.wantNoLetters()
		r.wantMember("a", "Name", `"new"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
	})
	subtest(t, "denied", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(403, "AccessDeniedException"))
		r.callsFail("b", status(401, "UnauthorizedException"))
		w := r.start()
		r.withTraffic(300*time.Millisecond, func() {
			start := time.Now()
			a, b := r.send(name("a", "new")), r.send(name("b", "new"))
			for _, id := range []string{a, b} {
				l := r.wantLetter(id, 10*time.Minute)
				if l.Failure.Reason != message.Denied || l.Failure.Attempts < 3 {
					r.t.Errorf("%+v", l.Failure)
				}
				if took := l.SentAt.Sub(start); took < 2*time.Minute {
					r.t.Errorf("given up after %v", took)
				}
			}
		})
		r.drained(time.Minute)
		w.stopped()
		r.wantOnlyLetters(2)
	})
	subtest(t, "no denied: every thing is", layout{}, func(t *testing.T, r *rig) {
		until := time.Now().Add(20 * time.Minute)
		r.onCall("*", func(int, string) *localcloud.Fault {
			if time.Now().Before(until) {
				return status(403, "AccessDeniedException")
			}
			return nil
		})
		w := r.start()
		for n := range 20 {
			r.send(name(fmt.Sprintf("a%d", n), "new"))
		}
		time.Sleep(time.Hour)
		r.drained(10 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 20})
	})
	subtest(t, "exhausted", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(500, "InternalServerException"))
		w := r.start()
		r.withTraffic(300*time.Millisecond, func() {
			start := time.Now()
			id := r.send(name("a", "new"))
			l := r.wantLetter(id, 30*time.Minute)
			if l.Failure.Reason != message.Exhausted || l.Failure.Code != "InternalServerException" || l.Failure.Attempts < 8 {
				r.t.Errorf("%+v", l.Failure)
			}
			if took := l.SentAt.Sub(start); took < 2*time.Minute {
				r.t.Errorf("given up after %v", took)
			}
		})
		r.drained(time.Minute)
		w.stopped()
		r.wantOnlyLetters(1)
	})
	subtest(t, "received_too_often", layout{settings: func(c *config.Config) { c.MaxReceives = 3 }}, func(t *testing.T, r *rig) {
		r.callsFail("*", status(503, "ServiceUnavailableException"))
		r.send(name("a", "new"))
		// A stop may cost more than one receive: what is released may come back
		// by a poll that is still open.
		calls := 0
		for workers := 0; len(r.letters()) == 0 && workers < 5; workers++ {
			calls = len(r.calls("a"))
			w := r.start()
			time.Sleep(time.Minute)
			w.stopped()
		}
		if l := r.oneLetter(message.ReceivedTooOften); l.Failure.Receives <= r.cfg.MaxReceives || l.Body != name("a", "new") {
			r.t.Errorf("%+v", l)
		}
		r.wantCalls("a", calls)
		r.wantLeft(0)
	})
}
