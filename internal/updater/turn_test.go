package updater

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/thingstate"
)

// answers is an API that always answers so.
func answers(err error) func(*scene) {
	return func(s *scene) { s.api.answer = func(context.Context) error { return err } }
}

var (
	throttled   = answer(429, "ThrottlingException")
	refusal     = answer(400, "ValidationException")
	unknown     = answer(404, "ResourceNotFoundException")
	denial      = answer(403, "AccessDeniedException")
	unavailable = answer(503, "ServiceUnavailableException")
	internal    = answer(500, "InternalServerException")
	gateway     = answer(502, "")
	proxy       = answer(200, "")
	tooLarge    = answer(413, "")
	badToken    = answer(403, "ExpiredTokenException")
	brokenOff   = &managedthings.TransportError{Err: errors.New("reset by peer"), Sent: true}
	unconnected = &managedthings.TransportError{Err: errors.New("connection refused")}
)

// Each way that a turn can end: what becomes of its messages, when the thing has its next
// turn, what becomes of the token, what was sent, and what the record says afterwards.
func TestHowATurnEnds(t *testing.T) {
	for _, c := range []struct {
		name    string
		updates []string      // the values that they set, the oldest first
		skip    time.Duration // values that were set so lately are not sent again
		probe   bool
		given   func(*scene)
		want    outcome
	}{
		// Before the call.
		{
			name: "the leases of all messages have run out", updates: []string{"a"},
			given: func(s *scene) { s.expire(); s.store.acquire = errNoAnswer },
			want:  outcome{messages: "lost", next: "after 1s", token: "returned"},
		},
		{
			name: "the leases run out while the store answers", updates: []string{"a", "b"},
			given: func(s *scene) { s.store.beforeAcquire = s.expire },
			want:  outcome{messages: "lost, lost", next: "after 1s", token: "returned"},
		},
		{
			name: "the newest message's lease runs out while the store answers", updates: []string{"a", "b"},
			given: func(s *scene) {
				s.store.beforeAcquire = func() { s.items[1].Claim.(*heldMessage).lost = true }
			},
			want: outcome{messages: "applied, lost", next: "at once", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "another worker has the thing", updates: []string{"a"},
			given: func(s *scene) {
				_, _, _ = s.store.Memory.Acquire(s.t.Context(), lamp, 20*time.Second, nil)
			},
			want: outcome{messages: "waits", next: "after 20s", token: "returned"},
		},
		{
			name: "the store does not answer", updates: []string{"a"},
			given: func(s *scene) { s.store.acquire = errNoAnswer },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "returned"},
		},
		{
			name: "the store marked the call, and its answer was lost", updates: []string{"a"},
			given: func(s *scene) { s.store.acquire, s.store.acquired = errNoAnswer, true },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "returned", record: "a?"},
		},
		{
			name: "the record cannot be read", updates: []string{"a"},
			given: func(s *scene) { s.store.acquire = &thingstate.UnreadableError{Thing: lamp} },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "returned"},
		},
		{
			name: "the record has a newer value", updates: []string{"a"},
			given: func(s *scene) { s.anotherWorker("their", newer, thingstate.Succeeded) },
			want:  outcome{messages: "superseded", next: "none", token: "returned", record: "their"},
		},
		{
			name: "the record has seen one of two", updates: []string{"a", "b"},
			given: func(s *scene) { s.anotherWorker("their", older, thingstate.NotSent, "a") },
			want:  outcome{messages: "duplicate, applied", next: "none", token: "granted", sent: "b", record: "b"},
		},
		{
			name: "a duplicate, and the end cannot be recorded", updates: []string{"a"},
			given: func(s *scene) {
				s.anotherWorker("their", older, thingstate.NotSent, "a")
				s.store.finish = errNoAnswer
			},
			want: outcome{messages: "duplicate", next: "none", token: "returned", record: "a?"},
		},
		{
			name:    "the record has a newer value, and that it is not to be sent again cannot be recorded",
			updates: []string{"a"},
			given: func(s *scene) {
				s.items[0].Update.TimeFrom = message.TimeFromSent
				s.anotherWorker("their", newer, thingstate.Succeeded)
				s.store.finish = errNoAnswer
			},
			want: outcome{messages: "waits", next: "at once", token: "returned", record: "their a?"},
		},
		{
			name: "the record leaves another call than the one that was marked", updates: []string{"a", "b"},
			given: func(s *scene) { s.anotherWorker("their", older, thingstate.NotSent, "b") },
			want:  outcome{messages: "applied, duplicate", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "the record leaves another call each time", updates: []string{"a", "b", "c", "d"},
			given: func(s *scene) {
				settled := 0
				s.store.beforeAcquire = func() {
					settled++
					s.anotherWorker("their", older, thingstate.NotSent, s.newestKeys(settled)...)
				}
			},
			want: outcome{messages: "waits, waits, waits, waits", next: "after a backoff, failures: 1", token: "returned"},
		},
		{
			name: "the value is known to be set", updates: []string{"a"}, skip: time.Hour,
			given: func(s *scene) { s.anotherWorker("a", older, thingstate.Succeeded) },
			want:  outcome{messages: "unchanged", next: "none", token: "returned", record: "a"},
		},
		{
			name: "the value is known to be set, and that cannot be recorded", updates: []string{"a"}, skip: time.Hour,
			given: func(s *scene) {
				s.anotherWorker("a", older, thingstate.Succeeded)
				s.store.finish = errNoAnswer
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "returned", record: "a a?"},
		},
		{
			name: "the value was known to be set too long ago", updates: []string{"a"}, skip: time.Hour,
			given: func(s *scene) { s.anotherWorker("a", older, thingstate.Succeeded); time.Sleep(time.Hour) },
			want:  outcome{messages: "applied", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "the value was known to be set, and was skipped since", updates: []string{"a"}, skip: time.Hour,
			given: func(s *scene) {
				s.anotherWorker("a", older, thingstate.Succeeded)
				time.Sleep(50 * time.Minute)
				s.takeTurn(false)
				s.add("a")
				s.items[1].Update.Key = "again"
				time.Sleep(20 * time.Minute)
				s.token.heard = nil
			},
			want: outcome{messages: "unchanged, applied", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "the process stood still until it was too late to call", updates: []string{"a"},
			given: answers(managedthings.ErrTooLate),
			want:  outcome{messages: "waits", next: "at once", token: "returned"},
		},
		{
			name: "too late once more, after a failure", updates: []string{"a"},
			given: func(s *scene) {
				s.once(unconnected)
				s.api.answer = func(context.Context) error { return managedthings.ErrTooLate }
			},
			want: outcome{messages: "waits", next: "at once, failures: 2", token: "returned"},
		},

		// The call is answered 204.
		{
			name: "204", updates: []string{"a"},
			want: outcome{messages: "applied", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "204 for two of one member", updates: []string{"a", "b"},
			want: outcome{messages: "superseded, applied", next: "none", token: "granted", sent: "b", record: "b"},
		},
		{
			name: "204, and one arrives meanwhile", updates: []string{"a"},
			given: func(s *scene) { s.api.answer = func(context.Context) error { s.add("b"); return nil } },
			want:  outcome{messages: "applied, waits", next: "at once", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "204, and a lease that ran out meanwhile", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(context.Context) error { s.expire(); s.backlog.Remove(s.items[0].Claim); return nil }
			},
			want: outcome{messages: "lost", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "204, which cannot be recorded", updates: []string{"a"},
			given: func(s *scene) { s.store.finish = errNoAnswer },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "granted", sent: "a", record: "a?"},
		},
		{
			name: "204, which cannot be recorded, beside a duplicate", updates: []string{"a", "b"},
			given: func(s *scene) {
				s.anotherWorker("their", older, thingstate.NotSent, "a")
				s.store.finish = errNoAnswer
			},
			want: outcome{messages: "duplicate, waits", next: "after a backoff, failures: 1", token: "granted", sent: "b", record: "b?"},
		},
		{
			name: "204, and another worker took the thing meanwhile", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(context.Context) error {
					time.Sleep(sceneTimeout + LeaseMargin)
					s.anotherWorker("their", older, thingstate.Succeeded)
					return nil
				}
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "granted", sent: "a", record: "their a?"},
		},
		{
			name: "204, and an earlier call may land on top of it", updates: []string{"a"},
			given: func(s *scene) { s.anotherWorker("their", older, thingstate.OutcomeUnknown) },
			want:  outcome{messages: "waits", next: "after 30s", token: "granted", sent: "a", record: "a their?"},
		},
		{
			name: "204, and an earlier call that is over", updates: []string{"a"},
			given: func(s *scene) { s.anotherWorker("their", older, thingstate.MaybeApplied); time.Sleep(time.Second) },
			want:  outcome{messages: "applied", next: "none", token: "granted", sent: "a", record: "a"},
		},
		{
			name: "204 to the call that makes sure", updates: []string{"a"},
			given: func(s *scene) {
				s.anotherWorker("their", older, thingstate.OutcomeUnknown)
				s.once(nil)
			},
			want: outcome{messages: "applied", next: "none", token: "granted", sent: "a", record: "a"},
		},

		// The call fails, and that says nothing of the updates.
		{
			name: "throttled", updates: []string{"a"},
			given: answers(throttled),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "throttled", sent: "a"},
		},
		{
			name: "throttled, and asked to wait", updates: []string{"a"},
			given: answers(&managedthings.APIError{Status: 429, Code: "ThrottlingException", RetryAfter: time.Minute}),
			want:  outcome{messages: "waits", next: "after 1m0s, failures: 1", token: "throttled for 1m0s", sent: "a"},
		},
		{
			name: "throttled again while others are let through", updates: []string{"a"},
			given: func(s *scene) {
				s.once(throttled)
				s.othersSucceed(10)
				answers(throttled)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 2", token: "no answer", sent: "a"},
		},
		{
			name: "the caller is not accepted", updates: []string{"a"},
			given: func(s *scene) { s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls); answers(badToken)(s) },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "something that is not the API answers", updates: []string{"a"},
			given: func(s *scene) { s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls); answers(proxy)(s) },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "granted", sent: "a", record: "a?"},
		},
		{
			name: "one failure short, while the circuit is open", updates: []string{"a"},
			given: func(s *scene) {
				s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls)
				for _, thing := range []string{"x", "y", "z"} {
					s.circuit.Ended(thing, pace.Failing, "timeout")
				}
				answers(unconnected)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "the stop cuts the call", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(context.Context) error { s.cut(errors.New("stop")); return brokenOff }
			},
			want: outcome{messages: "waits", next: "at once, failures: 1", token: "no answer", sent: "a", record: "a?"},
		},
		{
			name: "the worker stops during a call that fails", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(context.Context) error { s.backlog.Close(); return unavailable }
			},
			want: outcome{messages: "released", next: "none", token: "no answer", sent: "a"},
		},
		{
			name: "the stop cuts the call when nothing waits any more", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(context.Context) error { s.backlog.Close(); s.cut(errors.New("stop")); return brokenOff }
			},
			want: outcome{messages: "waits", next: "none", token: "no answer", sent: "a", record: "a?"},
		},

		// The call fails, and what it may have done.
		{
			name: "no connection", updates: []string{"a"},
			given: answers(unconnected),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "the connection breaks", updates: []string{"a"},
			given: answers(brokenOff),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a?"},
		},
		{
			name: "the call takes too long", updates: []string{"a"},
			given: func(s *scene) {
				s.api.answer = func(call context.Context) error {
					<-call.Done()
					return &managedthings.TransportError{Err: call.Err(), Cause: context.Cause(call), Timeout: true, Sent: true}
				}
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a?"},
		},
		{
			name: "a gateway lost its back end", updates: []string{"a"},
			given: answers(gateway),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a?"},
		},
		{
			name: "the service's own error", updates: []string{"a"},
			given: answers(internal),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a? over"},
		},
		{
			name: "the service is not available", updates: []string{"a"},
			given: answers(unavailable),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "a failed call that cannot be recorded keeps its mark", updates: []string{"a"},
			given: func(s *scene) { s.store.finish = errNoAnswer; answers(unavailable)(s) },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a?"},
		},
		{
			name: "the call that is to make sure fails", updates: []string{"a"},
			given: func(s *scene) {
				s.anotherWorker("their", older, thingstate.OutcomeUnknown)
				s.once(nil)
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a", record: "a their?"},
		},

		// The call fails because of an update.
		{
			name: "its values are refused", updates: []string{"a"},
			given: answers(refusal),
			want:  outcome{messages: "letter: rejected", next: "none", token: "granted", sent: "a"},
		},
		{
			name: "the values of two are refused", updates: []string{"a", "+b"},
			given: answers(refusal),
			want:  outcome{messages: "waits, waits", next: "at once, apart", token: "granted", sent: "a+b"},
		},
		{
			name: "the first of two that go apart is refused", updates: []string{"a", "+b"},
			given: func(s *scene) { s.once(refusal); answers(refusal)(s) },
			want:  outcome{messages: "letter: rejected, waits", next: "at once, apart", token: "granted", sent: "a"},
		},
		{
			name: "refused beside a duplicate, and the end cannot be recorded", updates: []string{"a", "b"},
			given: func(s *scene) {
				s.anotherWorker("their", older, thingstate.NotSent, "a")
				s.store.finish = errNoAnswer
				answers(refusal)(s)
			},
			want: outcome{messages: "duplicate, letter: rejected", next: "none", token: "granted", sent: "b", record: "b?"},
		},
		{
			name: "the thing is not there yet", updates: []string{"a"},
			given: answers(unknown),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "granted", sent: "a"},
		},
		{
			name: "the thing is not there a minute after the message was sent", updates: []string{"a"},
			given: func(s *scene) { time.Sleep(notFoundGrace); answers(unknown)(s) },
			want:  outcome{messages: "letter: not_found", next: "none", token: "granted", sent: "a"},
		},
		{
			name: "denied, with nothing to compare with", updates: []string{"a"},
			given: answers(denial),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "granted", sent: "a"},
		},
		{
			name: "denied while others fare well", updates: []string{"a"},
			given: func(s *scene) { s.othersSucceed(evidence.LeastCalls); answers(denial)(s) },
			want:  outcome{messages: "waits", next: "after 1m0s, failures: 1", token: "granted", sent: "a"},
		},
		{
			name: "denied for the third time", updates: []string{"a"},
			given: func(s *scene) {
				s.oneShort(s.items[0], evidence.DeniedLimit, evidence.LeastCalls)
				answers(denial)(s)
			},
			want: outcome{messages: "letter: denied", next: "none", token: "granted", sent: "a"},
		},
		{
			name: "two are denied", updates: []string{"a", "+b"},
			given: answers(denial),
			want:  outcome{messages: "waits, waits", next: "after a backoff, failures: 1", token: "granted", sent: "a+b"},
		},
		{
			name: "too large", updates: []string{"a"},
			given: answers(tooLarge),
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "two are too large", updates: []string{"a", "+b"},
			given: answers(tooLarge),
			want:  outcome{messages: "waits, waits", next: "at once, apart", token: "no answer", sent: "a+b"},
		},
		{
			name: "one failure short, and the next counts", updates: []string{"a"},
			given: func(s *scene) { s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls); answers(unavailable)(s) },
			want:  outcome{messages: "letter: exhausted", next: "none", token: "no answer", sent: "a"},
		},
		{
			name: "one failure short is one that the call would have superseded", updates: []string{"a", "b"},
			given: func(s *scene) { s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls); answers(unavailable)(s) },
			want:  outcome{messages: "waits, waits", next: "at once, failures: 1, apart", token: "no answer", sent: "b"},
		},
		{
			name: "one that goes apart fails, and another one that is one failure short waits", updates: []string{"a", "+b"},
			given: func(s *scene) {
				s.once(refusal)
				s.oneShort(s.items[1], sceneLimit, evidence.LeastCalls)
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits, waits", next: "after a backoff, failures: 1, apart", token: "no answer", sent: "a"},
		},
		{
			name: "one failure short, and nothing else was called since the one before", updates: []string{"a"},
			given: func(s *scene) {
				s.oneShort(s.items[0], sceneLimit-1, evidence.LeastCalls)
				s.once(unavailable)
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 2", token: "no answer", sent: "a"},
		},
		{
			name: "one failure short, and a probe fails, which goes out before its time", updates: []string{"a"}, probe: true,
			given: func(s *scene) { s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls); answers(unavailable)(s) },
			want:  outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "one failure short, a probe fails, and nothing else was called since", updates: []string{"a"},
			given: func(s *scene) {
				s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls)
				s.earlier(true, unavailable)
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 2", token: "no answer", sent: "a"},
		},
		{
			name:    "one failure short, but not in the call, after a failure while the circuit was open",
			updates: []string{"a", "b"},
			given: func(s *scene) {
				s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls)
				s.circuit.Ended("other", pace.CallerRefused, "ExpiredToken")
				s.once(unavailable)
				s.circuit.Resume()
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits, waits", next: "after a backoff, failures: 2", token: "no answer", sent: "b"},
		},
		{
			name: "one failure short, with nothing to compare with", updates: []string{"a"},
			given: func(s *scene) {
				s.oneShort(s.items[0], sceneLimit, evidence.LeastCalls-1)
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits", next: "after a backoff, failures: 1", token: "no answer", sent: "a"},
		},
		{
			name: "fails once more with nothing to compare with, when the backoff is at its longest", updates: []string{"a"},
			given: func(s *scene) {
				for range 6 {
					s.once(unavailable)
				}
				answers(unavailable)(s)
			},
			want: outcome{messages: "waits", next: "after 5s, failures: 7", token: "no answer", sent: "a"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, c.skip)
				s.add(c.updates...)
				if c.given != nil {
					c.given(s)
				}
				s.takeTurn(c.probe)
				if got := s.outcome(); got != c.want {
					t.Errorf("the turn ended with\n%+v, want\n%+v", got, c.want)
				}
			})
		})
	}
}
