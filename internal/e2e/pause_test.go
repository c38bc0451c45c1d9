package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

func TestAPauseStartsNothingAndLosesNothing(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Quota: 10, Latency: 300 * time.Millisecond}}, func(t *testing.T, r *rig) {
		r.cfg.RateStart = 10
		for n := range 200 {
			r.send(name(fmt.Sprintf("t-%d", n), "x"))
		}
		w := r.start()
		r.until("it works", time.Minute, func() bool { return w.outcomes()["applied"] > 20 })
		w.Pause()
		time.Sleep(time.Second) // what was under way comes to its end
		held, calls := w.Status().Messages.Held, len(r.calls(""))
		receives := r.cloud.SQS.Requests()["ReceiveMessage"]
		if held < 20 {
			t.Fatalf("only %d messages held", held)
		}
		w.wantReady(true, "paused")

		time.Sleep(2 * time.Hour)
		s := w.Status()
		if n := len(r.calls("")) - calls; n > 0 {
			t.Errorf("%d calls started during the pause", n)
		}
		if n := r.cloud.SQS.Requests()["ReceiveMessage"] - receives; n > 0 {
			t.Errorf("%d receives started during the pause", n)
		}
		if s.State != "paused" || s.Messages.Held != held {
			t.Errorf("%s, %d held, want paused and %d", s.State, s.Messages.Held, held)
		}
		if ok, stale := w.Health(); !ok {
			t.Errorf("no health during a pause: %v", stale)
		}

		w.Resume()
		r.drained(5 * time.Minute)
		if n := w.Status().Messages.ReceivedAgain; n > 0 {
			t.Errorf("%d leases ran out during the pause", n)
		}
		if ok, reason := w.Ready(); !ok {
			t.Errorf("not ready after it: %s", reason)
		}
		w.stopped()
		r.wantNoLetters()
		lines := w.lines()
		if strings.Count(lines, "paused by an operator") != 1 || strings.Count(lines, "resumed by an operator") != 1 {
			t.Errorf("the log does not say each once:\n%s", lines)
		}
	})
}

func TestAPausedWorkerStartsNoReceiveEvenWithNothingHeld(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		w.Pause()
		time.Sleep(time.Minute) // the poll that was open comes back
		receives := r.cloud.SQS.Requests()["ReceiveMessage"]
		r.send(name("lamp", "x"))
		time.Sleep(10 * time.Minute)
		if n := r.cloud.SQS.Requests()["ReceiveMessage"] - receives; n > 0 {
			t.Errorf("%d receives started during the pause", n)
		}
		w.Resume()
		r.drained(time.Second)
		w.stopped()
	})
}

func TestAPausedWorkerStops(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Quota: 1}}, func(t *testing.T, r *rig) {
		r.cfg.RateStart = 1
		for n := range 50 {
			r.send(name(fmt.Sprintf("t-%d", n), "x"))
		}
		w := r.start()
		r.until("messages are held", time.Minute, func() bool { return w.Status().Messages.Held > 10 })
		w.Pause()
		w.stopped()
	})
}

func TestAPauseHoldsProbesBack(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", status(http.StatusServiceUnavailable, "ServiceUnavailableException"))
		for n := range 20 {
			r.send(name(fmt.Sprintf("t-%d", n), "x"))
		}
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		w.Pause()
		time.Sleep(10 * time.Second)
		calls := len(r.calls(""))
		time.Sleep(10 * time.Minute)
		if n := len(r.calls("")) - calls; n > 0 {
			t.Errorf("%d calls started during the pause", n)
		}
		heal()
		w.Resume()
		r.drained(time.Minute)
		w.stopped()
	})
}

// An operator's word closes a circuit that is open because everything is refused.
func TestResumeAfterEverythingWasRefused(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", status(http.StatusNotFound, "ResourceNotFoundException"))
		for n := range 60 {
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprintf("t-%d", n), "x"), SentAt: time.Now().Add(-time.Hour)})
		}
		w := r.start()
		r.until("the circuit says so", time.Minute, func() bool { return w.Status().Circuit.Why == "all_refuse" })
		time.Sleep(time.Minute)
		before := len(r.letters())
		w.Resume()
		r.until("letters are written again", time.Minute, func() bool { return len(r.letters()) > before })
		heal()
		r.drained(10 * time.Minute)
		if !slices.ContainsFunc(r.calls(""), func(c localcloud.Call) bool { return c.Applied }) {
			t.Error("nothing was applied")
		}
		w.stopped()
	})
}
