package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// How much of the queue the worker holds, as the queue sees it: no more than helps.

// inFlight is how many messages the queue has handed out.
func (r *rig) inFlight() int {
	n := 0
	for _, m := range r.cloud.SQS.Messages(r.queue) {
		if m.InFlight {
			n++
		}
	}
	return n
}

func TestDistinctThingsAreHeldForTheHorizonOnly(t *testing.T) {
	inVirtualTime(t)
	for _, quota := range []float64{10, 25} {
		t.Run(fmt.Sprint(quota), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQuotaRun(t, ourOwn, 1, quota)
				messages := int(130 * quota)
				q.sendNames("thing", messages)
				q.replicas(1)
				time.Sleep(30 * time.Second)
				for range 30 {
					time.Sleep(1500 * time.Millisecond)
					// 40 s of calls, at a rate that swings around the quota, and what the
					// receives bring that were under way.
					const underWay = 4 * 10
					if n := float64(q.inFlight()); n < 30*quota || n > 55*quota+underWay {
						t.Errorf("%v messages held at %v calls a second", n, quota)
					}
				}
				s, left := q.workers[0].Status().Pace, float64(q.cloud.SQS.Len(q.queue))
				if s.LookAhead == nil || s.Queued == nil || *s.DrainSeconds < 0.8*left/quota || *s.DrainSeconds > 1.25*left/quota+15 {
					t.Errorf("shown as %+v, with %v messages left", s, left)
				}
				q.drained(5 * time.Minute)
				q.stopAll()
				q.wantReceivedOnce(messages)
				if n := q.requests("ChangeMessageVisibilityBatch"); n > 0 {
					t.Errorf("%d renewals of what should not wait long enough for one", n)
				}
			})
		})
	}
}

func TestWhatMergesIsHeldAsMuchAsMayBe(t *testing.T) {
	inVirtualTime(t)
	const messages, held = 4000, 1500
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, hotThings-1)
	for _, c := range []struct {
		name    string
		thing   func(n int) string
		perCall float64
	}{
		{"hot things", func(int) string { return hotThing(zipf.Uint64()) }, 10},
		{"a fleet that reports in rotation", func(n int) string { return fmt.Sprint("thing-", n%700) }, 1.6},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQuotaRun(t, ourOwn, 1, 10)
				q.cfg.MaxHeld = held
				var h hot
				for n := range messages { // a millisecond apart: of two sent at once neither is the newest
					h.send(q, c.thing(n), time.Now().Add(time.Duration(n-messages)*time.Millisecond))
				}
				q.replicas(1)
				most := 0
				for q.cloud.SQS.Len(q.queue) > 0 {
					time.Sleep(3 * time.Second)
					most = max(most, q.inFlight())
				}
				q.stopAll()
				if most < 0.95*held || most > held {
					t.Errorf("%d messages held at most, want close to %d", most, held)
				}
				if perCall := messages / float64(len(q.calls(""))); perCall < c.perCall {
					t.Errorf("%.1f messages settled a call, want at least %v", perCall, c.perCall)
				}
				q.wantReceivedOnce(messages)
			})
		})
	}
}

func TestThingsThatBackOffDoNotKeepWhatIsBehindThemOut(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		q := newQuotaRun(t, ourOwn, 1, 10)
		usual := q.cloud.Faults.OnCall
		healed := time.Now().Add(5 * time.Minute)
		q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			f := usual(c)
			if c.Thing[:4] == "sick" && time.Now().Before(healed) {
				f.Status, f.Code = http.StatusConflict, "ConflictException"
			}
			return f
		}
		q.sendNames("sick", 500)
		q.sendNames("healthy", 100)
		q.replicas(1)
		// All of them once, and as many retries as may go out beside them. A few of the
		// healthy are throttled, and are then among the many retries.
		time.Sleep(90 * time.Second)
		if n := len(q.cloud.Things.IDs()); n < 90 {
			t.Errorf("%d of 100 healthy things updated", n)
		}
		time.Sleep(3 * time.Minute)
		if n := len(q.cloud.Things.IDs()); n != 100 {
			t.Errorf("%d healthy things updated in the end, want all 100", n)
		}
		q.drained(15 * time.Minute)
		q.stopAll()
		q.wantNoLetters()
	})
}
