package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// What users of other queue consumers reported about throttling; the number is
// the lesson's. Lesson 24 is among those about cost.

// throttles are what a throttle may look like.
var throttles = map[string]localcloud.Fault{
	"modelled":         {Status: http.StatusTooManyRequests, Code: "ThrottlingException"},
	"of a gateway":     {Status: http.StatusTooManyRequests, Body: "<html>429</html>", ContentType: "text/html"},
	"another status":   {Status: http.StatusBadRequest, Code: "ThrottlingException"},
	"another name":     {Status: http.StatusBadRequest, Code: "TooManyRequestsException"},
	"with Retry-After": {Status: http.StatusTooManyRequests, Code: "ThrottlingException", RetryAfter: "3"},
}

func TestLesson21_AThrottleIsNoFailureOfTheMessage(t *testing.T) {
	inVirtualTime(t)
	for kind, fault := range throttles {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, layout{}, func(t *testing.T, r *rig) {
				everything := &outage{fault: fault}
				everything.on.Store(true)
				r.cloud.Faults.OnCall = everything.call
				w := r.start()
				r.sendNames("thing", 30)
				time.Sleep(time.Hour)
				if s := w.Status(); s.Messages.Held != 30 || s.Circuit.Open {
					t.Errorf("after an hour of throttles %d are held, and the circuit is %+v", s.Messages.Held, s.Circuit)
				}
				everything.on.Store(false)
				r.drained(5 * time.Minute)
				w.stopped()
				w.wantOutcomes(map[message.Outcome]int{message.Applied: 30})
				r.wantReceivedOnce(30)
				r.wantNoLetters()
			})
		})
	}
}

// One thing may have a limit of its own.
func TestLesson21_AThingThatIsAlwaysThrottledIsNoFailureAndDelaysNobody(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		q := newQuotaRun(t, ourOwn, 1, 10)
		usual := q.cloud.Faults.OnCall
		var over atomic.Bool
		q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			f := usual(c)
			if c.Thing == "limited" && !over.Load() {
				f.Status, f.Code = http.StatusTooManyRequests, "ThrottlingException"
			}
			return f
		}
		q.replicas(1)
		q.send(name("limited", "x"))
		var h hot
		for n := range 5 * 60 * 5 {
			h.send(q, fmt.Sprint("healthy-", n), time.Now())
			time.Sleep(200 * time.Millisecond)
		}
		waits, _ := h.waits(q.tally())
		for _, w := range waits {
			if w.took > 3*time.Second {
				t.Errorf("%s waited %v", w.thing, w.took)
			}
		}
		over.Store(true)
		q.drained(time.Minute)
		q.stopAll()
		q.wantMember("limited", "Name", `"x"`)
		q.wantNoLetters()
	})
}

func TestLesson22_AMessageIsNotGivenBackToHammerAServiceInTrouble(t *testing.T) {
	inVirtualTime(t)
	for trouble, fault := range map[string]localcloud.Fault{
		"throttled":   {Status: http.StatusTooManyRequests, Code: "ThrottlingException"},
		"unavailable": {Status: http.StatusServiceUnavailable, Code: "ServiceUnavailableException"},
	} {
		t.Run(trouble, func(t *testing.T) {
			inBubble(t, layout{}, func(t *testing.T, r *rig) {
				everything := &outage{fault: fault}
				everything.on.Store(true)
				r.cloud.Faults.OnCall = everything.call
				w := r.start()
				r.sendNames("thing", 200)
				time.Sleep(5 * time.Minute)
				calls, released := len(r.calls("")), w.outcomes()[string(message.Released)]
				time.Sleep(5 * time.Minute)
				if n := len(r.calls("")) - calls; n > 301 || n == 0 {
					t.Errorf("%d calls in 5 minutes of trouble, want some, and at most one a second", n)
				}
				if released > 0 {
					t.Errorf("%d messages were given back", released)
				}
				everything.on.Store(false)
				r.drained(5 * time.Minute)
				w.stopped()
				r.wantReceivedOnce(200)
				r.wantNoLetters()
			})
		})
	}
}

func TestLesson23_TheRateIsAdaptedAndDoesNotSwingWildly(t *testing.T) {
	inVirtualTime(t)
	const quota = 50
	synctest.Test(t, func(t *testing.T) {
		q := newQuotaRun(t, ourOwn, 1, quota)
		usual := q.cloud.Faults.OnCall
		var slow atomic.Bool
		q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			f := usual(c)
			if slow.Load() {
				f.Delay *= 20 // from 15 to 300 ms
			}
			return f
		}
		q.sendNames("thing", 6000)
		q.replicas(1)
		// What the service has saved up while the rate was below the quota hides the
		// limit for some seconds: so far the rate goes above it, never far below.
		watch := func() {
			const seconds = 30
			first := q.cloud.Things.Counts()["204"]
			for range seconds {
				before := q.cloud.Things.Counts()["204"]
				time.Sleep(time.Second)
				if n := q.cloud.Things.Counts()["204"] - before; n < 0.8*quota {
					t.Errorf("%d calls succeeded in a second of a quota of %d", n, quota)
				}
				if rate := q.workers[0].Status().Pace.Rate; rate < 0.75*quota || rate > 2*quota {
					t.Errorf("the rate is %.1f/s with a quota of %d", rate, quota)
				}
			}
			if mean := float64(q.cloud.Things.Counts()["204"]-first) / seconds; mean < 0.95*quota {
				t.Errorf("%.1f calls succeeded a second, with a quota of %d", mean, quota)
			}
		}
		time.Sleep(15 * time.Second)
		watch()
		// Slower calls: more of them at once, at the same rate.
		slow.Store(true)
		time.Sleep(5 * time.Second)
		watch()
		q.stopAll()
	})
}
