package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

func TestRetryAfterIsAFloorWithABound(t *testing.T) {
	for value, floor := range map[string]time.Duration{"45": 45 * time.Second, "86400": 5 * time.Minute, "soon": 0} {
		for _, f := range []*localcloud.Fault{status(429, "ThrottlingException"), html(429), status(503, "ServiceUnavailableException"), html(503)} {
			kind := f.Code
			if kind == "" {
				kind = fmt.Sprintf("%d in HTML", f.Status)
			}
			subtest(t, value+", "+kind, layout{}, func(t *testing.T, r *rig) {
				asks := *f
				asks.Header = http.Header{"Retry-After": {value}}
				r.onCall("a", first(1, &asks))
				w := r.start()
				r.send(name("a", "new"))
				r.drained(10 * time.Minute)
				w.stopped()
				calls := r.calls("a")
				if len(calls) != 2 {
					r.t.Fatalf("%d calls, want 2", len(calls))
				}
				// Beyond the floor there is only what the pace needs for its next token.
				if gap := calls[1].At.Sub(calls[0].End); gap < floor || gap > floor+time.Second {
					r.t.Errorf("called again after %v, want %v to %v", gap, floor, floor+time.Second)
				}
			})
		}
	}
}

// While first calls wait, retries take at most a fifth of the rate.
func TestRetriesTakeAtMostAFifthWhileFirstCallsWait(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RateStart = 10 }}, func(t *testing.T, r *rig) {
		heal := r.callsFail("bad-*", status(503, "ServiceUnavailableException"))
		r.sendNames("bad", 30)
		time.Sleep(time.Second)
		r.sendNames("good", 300)
		w := r.start()
		r.until("every first call is made", 5*time.Minute, func() bool { return len(r.cloud.Things.IDs()) == 300 })
		firsts, retries := map[string]bool{}, 0
		for _, c := range r.calls("") {
			if firsts[c.Thing] {
				retries++
			}
			firsts[c.Thing] = true
		}
		if retries == 0 || retries > len(firsts)/4+1 {
			t.Errorf("%d retries beside %d first calls, want some, and at most a fifth of all", retries, len(firsts))
		}
		heal()
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
	})
}

func TestAThingThatFailsWithoutOtherTrafficWaitsAndBlocksNothing(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("a", status(500, "InternalServerException"))
		w := r.start()
		r.send(name("a", "new"))
		time.Sleep(10 * time.Minute)
		before := len(r.calls("a"))
		time.Sleep(2 * time.Hour)
		calls := r.calls("a")[before:]
		for i, c := range calls[1:] {
			if gap := c.At.Sub(calls[i].End); gap < r.cfg.RetryMax || gap > r.cfg.RetryMax+time.Second {
				t.Fatalf("%v between two calls, want the longest backoff, %v", gap, r.cfg.RetryMax)
			}
		}
		if got := w.Status().Backlog.NoEvidence; got != 1 {
			t.Errorf("%d things shown as without evidence, want 1", got)
		}
		start := time.Now()
		r.send(name("b", "new"))
		r.until("another thing is applied", time.Minute, func() bool { _, ok := r.cloud.Things.Get("b"); return ok })
		if took := time.Since(start); took > time.Second {
			t.Errorf("another thing took %v", took)
		}
		heal()
		r.drained(time.Minute)
		w.stopped()
		r.wantNoLetters()
	})
}
