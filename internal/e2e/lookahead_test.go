package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
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
	for _, quota := range []float64{10, 25} {
		subtest(t, fmt.Sprint(quota), ofQuota(quota), func(t *testing.T, r *rig) {
			messages := int(130 * quota)
			r.sendNames("thing", messages)
			w := r.start()
			time.Sleep(30 * time.Second)
			for range 30 {
				time.Sleep(1500 * time.Millisecond)
				// 40 s of calls, at a rate that swings around the quota, and what the
				// receives bring that were under way.
				const underWay = 4 * 10
				if n := float64(r.inFlight()); n < 30*quota || n > 55*quota+underWay {
					t.Errorf("%v messages held at %v calls a second", n, quota)
				}
			}
			// The depth is asked for every five seconds, while more waits than is held.
			r.until("the queue's depth is known", 15*time.Second, func() bool { return w.Status().Pace.Queued != nil })
			s, left := w.Status().Pace, float64(r.cloud.SQS.Len(r.queue))
			if s.LookAhead == nil || s.Queued == nil || *s.DrainSeconds < 0.8*left/quota || *s.DrainSeconds > 1.25*left/quota+15 {
				t.Errorf("shown as %+v, with %v messages left", s, left)
			}
			r.drained(5 * time.Minute)
			w.stopped()
			r.wantReceivedOnce(messages)
			if n := r.requests("ChangeMessageVisibilityBatch"); n > 0 {
				t.Errorf("%d renewals of what should not wait long enough for one", n)
			}
		})
	}
}

func TestWhatMergesIsHeldAsMuchAsMayBe(t *testing.T) {
	const messages, held = 4000, 1500
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, 199)
	for _, c := range []struct {
		name    string
		thing   func(n int) string
		perCall float64
	}{
		{"hot things", func(int) string { return fmt.Sprint("hot-", zipf.Uint64()) }, 10},
		{"a fleet that reports in rotation", func(n int) string { return fmt.Sprint("thing-", n%700) }, 1.6},
	} {
		subtest(t, c.name, ofQuota(10), func(t *testing.T, r *rig) {
			r.cfg.MaxHeld = held
			for n := range messages { // a millisecond apart: of two sent at once neither is the newest
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(c.thing(n), fmt.Sprint(n)), SentAt: time.Now().Add(time.Duration(n-messages) * time.Millisecond)})
			}
			w := r.start()
			most := 0
			for r.cloud.SQS.Len(r.queue) > 0 {
				time.Sleep(3 * time.Second)
				most = max(most, r.inFlight())
			}
			w.stopped()
			if most < 0.95*held || most > held {
				t.Errorf("%d messages held at most, want close to %d", most, held)
			}
			if perCall := messages / float64(len(r.calls(""))); perCall < c.perCall {
				t.Errorf("%.1f messages settled a call, want at least %v", perCall, c.perCall)
			}
			r.wantReceivedOnce(messages)
		})
	}
}

func TestThingsThatBackOffDoNotKeepWhatIsBehindThemOut(t *testing.T) {
	inBubble(t, ofQuota(10), func(t *testing.T, r *rig) {
		heal := r.callsFail("sick*", status(http.StatusConflict, "ConflictException"))
		r.sendNames("sick", 500)
		r.sendNames("healthy", 100)
		w := r.start()
		// All of them once, and as many retries as may go out beside them. A few of the
		// healthy are throttled, and are then among the many retries.
		time.Sleep(90 * time.Second)
		if n := len(r.cloud.Things.IDs()); n < 90 {
			t.Errorf("%d of 100 healthy things updated", n)
		}
		time.Sleep(3 * time.Minute)
		if n := len(r.cloud.Things.IDs()); n != 100 {
			t.Errorf("%d healthy things updated in the end, want all 100", n)
		}
		time.Sleep(30 * time.Second)
		heal()
		r.drained(15 * time.Minute)
		w.stopped()
		r.wantNoLetters()
	})
}
