package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
)

// One thing may have a limit of its own.
func TestAThingThatIsAlwaysThrottledIsNoFailureAndDelaysNoOther(t *testing.T) {
	inBubble(t, ofQuota(10), func(t *testing.T, r *rig) {
		heal := r.callsFail("limited", status(http.StatusTooManyRequests, "ThrottlingException"))
		w := r.start()
		r.send(name("limited", "x"))
		sent := map[string]time.Time{}
		for n := range 5 * 60 * 5 {
			thing := fmt.Sprint("healthy-", n)
			sent[thing] = time.Now()
			r.send(name(thing, "x"))
			time.Sleep(200 * time.Millisecond)
		}
		for _, c := range r.calls("") {
			if took := c.AppliedAt.Sub(sent[c.Thing]); c.Applied && took > 3*time.Second {
				t.Errorf("%s waited %v", c.Thing, took)
			}
		}
		heal()
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("limited", "Name", `"x"`)
		r.wantNoLetters()
	})
}

func TestNoMessageIsGivenBackWhileTheServiceIsInTrouble(t *testing.T) {
	for trouble, fault := range map[string]localcloud.Fault{
		"throttled":   {Status: http.StatusTooManyRequests, Code: "ThrottlingException"},
		"unavailable": {Status: http.StatusServiceUnavailable, Code: "ServiceUnavailableException"},
	} {
		subtest(t, trouble, layout{}, func(t *testing.T, r *rig) {
			heal := r.callsFail("*", &fault)
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
			heal()
			r.drained(5 * time.Minute)
			w.stopped()
			r.wantReceivedOnce(200)
			r.wantNoLetters()
		})
	}
}

func TestTheRateFollowsTheQuotaAndDoesNotSwing(t *testing.T) {
	const quota = 50
	inBubble(t, ofQuota(quota), func(t *testing.T, r *rig) {
		var slow atomic.Bool
		r.onCall("*", func(int, string) *localcloud.Fault {
			if slow.Load() {
				return &localcloud.Fault{Delay: 300 * time.Millisecond}
			}
			return &localcloud.Fault{Delay: 15 * time.Millisecond}
		})
		r.sendNames("thing", 6000)
		w := r.start(func(o *app.Options) { o.Rand = retry.NewRand(1) })
		// What the service has saved up while the rate was below the quota hides the
		// limit for some seconds: so far the rate goes above it, never far below.
		watch := func() {
			const seconds = 30
			first := r.cloud.Things.Counts()["204"]
			for range seconds {
				before := r.cloud.Things.Counts()["204"]
				time.Sleep(time.Second)
				if n := r.cloud.Things.Counts()["204"] - before; n < 0.8*quota {
					t.Errorf("%d calls succeeded in a second of a quota of %d", n, quota)
				}
				if rate := w.Status().Pace.Rate; rate < 0.75*quota || rate > 2*quota {
					t.Errorf("the rate is %.1f/s with a quota of %d", rate, quota)
				}
			}
			if mean := float64(r.cloud.Things.Counts()["204"]-first) / seconds; mean < 0.95*quota {
				t.Errorf("%.1f calls succeeded a second, with a quota of %d", mean, quota)
			}
		}
		time.Sleep(15 * time.Second)
		watch()
		// Slower calls: more of them at once, at the same rate.
		slow.Store(true)
		time.Sleep(5 * time.Second)
		watch()
		w.stopped()
	})
}
