package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
)

// Which failure counts: that of a thing that is sick, or of a service that is.

// rotate sends updates of things in rotation until it has sent for the given time.
func (r *rig) rotate(prefix string, things int, every, lasts time.Duration) {
	for n := range int(lasts / every) {
		r.send(name(fmt.Sprintf("%s-%d", prefix, n%things), fmt.Sprint("n", n)))
		time.Sleep(every)
	}
}

func TestFiftyDeniedThingsAmongAThousandAreDeadLetteredAndCostATenthOfTheCalls(t *testing.T) {
	const denied, within = 50, 10 * time.Minute
	for _, c := range []struct {
		name  string
		every time.Duration // between two messages for healthy things
		again bool          // the denied things report every 3 minutes as well
		share float64       // of the calls that may be for them
	}{
		{"each healthy one reports every 3 minutes", 180 * time.Millisecond, false, 0.1},
		{"more is reported than the quota allows", 60 * time.Millisecond, false, 0.1},
		{"the denied ones go on reporting, too", 60 * time.Millisecond, true, 0.2},
	} {
		subtest(t, c.name, ofQuota(10), func(t *testing.T, r *rig) {
			r.callsFail("denied*", status(http.StatusForbidden, "AccessDeniedException"))
			w := r.start()
			var senders sync.WaitGroup
			senders.Go(func() { r.rotate("healthy", 1000, c.every, 3*time.Minute+within) })
			time.Sleep(3 * time.Minute)
			from := time.Now()
			r.sendNames("denied", denied)
			if c.again {
				senders.Go(func() { r.rotate("denied", denied, 3*time.Minute/denied, within) })
			}
			time.Sleep(within)
			senders.Wait()

			lettered := map[string]bool{}
			for _, l := range r.letters() {
				if l.Failure.Reason != message.Denied {
					t.Errorf("a letter of another kind: %+v %s", l.Failure, l.Body)
				}
				thing, _, _ := strings.Cut(l.Body, ",")
				lettered[thing] = true
			}
			if len(lettered) != denied {
				t.Errorf("letters for %d things after %v, want %d", len(lettered), within, denied)
			}
			all, spent := 0, 0
			for _, call := range r.calls("") {
				if call.At.Before(from) {
					continue
				}
				all++
				if strings.HasPrefix(call.Thing, "denied") {
					spent++
				}
			}
			t.Logf("%d letters; %d of %d calls were for the denied things", len(r.letters()), spent, all)
			if float64(spent) > c.share*float64(all) {
				t.Errorf("%d of %d calls were for the denied things, more than %v of them", spent, all, c.share)
			}
			w.stopped()
		})
	}
}

// Every thing is hit, at random: that is the service's trouble, and no thing's.
func TestBrownOutsOfEveryKindDeadLetterNothing(t *testing.T) {
	const lasts = 20 * time.Minute
	for _, c := range []struct {
		share float64
		fault localcloud.Fault
	}{
		{0.5, *status(500, "InternalServerException")},
		{0.8, *status(500, "InternalServerException")},
		{0.5, *status(403, "AccessDeniedException")},
		{0.8, *status(403, "AccessDeniedException")},
		{0.5, localcloud.Fault{Delay: time.Minute, BreakBefore: true}},
	} {
		subtest(t, fmt.Sprint(c.share, c.fault.Code), ofQuota(10), func(t *testing.T, r *rig) {
			random, ends := retry.NewRand(7), time.Now().Add(lasts)
			r.onCall("*", func(int, string) *localcloud.Fault {
				if time.Now().Before(ends) && random.Float64() < c.share {
					return new(c.fault)
				}
				return nil
			})
			w := r.start()
			r.rotate("thing", 100, 600*time.Millisecond, lasts)
			r.drained(30 * time.Minute)
			r.wantNoLetters()
			w.stopped()
		})
	}
}

// Each of its updates is worth what the next one sets anew, so that the newest, which
// alone is in the call, has never failed often enough.
func TestASickThingThatGoesOnReportingIsDeadLettered(t *testing.T) {
	for _, fault := range []*localcloud.Fault{status(403, "AccessDeniedException"), status(500, "InternalServerException")} {
		for _, every := range []time.Duration{30 * time.Second, 5 * time.Second} {
			subtest(t, fmt.Sprint(fault.Code, " every ", every), layout{settings: func(c *config.Config) { c.RateStart, c.RateMax = 10, 10 }}, func(t *testing.T, r *rig) {
				r.callsFail("sick-0", fault)
				w := r.start()
				const lasts, within = 15 * time.Minute, 6 * time.Minute
				r.withTraffic(time.Second, func() { r.rotate("sick", 1, every, lasts) })
				due := int((lasts - within) / every)
				if n := len(r.letters()); n < due {
					t.Errorf("%d letters, want the %d that were sent more than %v ago", n, due, within)
				}
				t.Logf("%d letters, %d calls", len(r.letters()), len(r.calls("sick-0")))
				for i, l := range r.letters() {
					if l.Body != name("sick-0", fmt.Sprint("n", i)) {
						t.Fatalf("letter %d is %s: not in their order", i, l.Body)
					}
					if took := stamp(t, l.Failure.FailedAt).Sub(stamp(t, l.Failure.SentAt)); took > within {
						t.Fatalf("letter %d was written %v after its update was sent", i, took)
					}
				}
				_ = w.stop()
			})
		}
	}
}

// Its updates set different members, so that each call carries several.
func TestASickThingWhoseUpdatesAreMergedIsDeadLettered(t *testing.T) {
	for _, fault := range []*localcloud.Fault{status(403, "AccessDeniedException"), status(500, "InternalServerException")} {
		subtest(t, fault.Code, layout{settings: func(c *config.Config) { c.RateStart, c.RateMax = 10, 10 }}, func(t *testing.T, r *rig) {
			r.callsFail("sick", fault)
			w := r.start()
			const lasts, within, every = 15 * time.Minute, 6 * time.Minute, 30 * time.Second
			r.withTraffic(time.Second, func() {
				for n := range int(lasts / every) {
					if n%2 == 0 {
						r.send(name("sick", fmt.Sprint("n", n)))
					} else {
						r.send(put("sick", "HubNetworkMode", `"STANDARD"`))
					}
					time.Sleep(every)
				}
			})
			if n, due := len(r.letters()), int((lasts-within)/every); n < due {
				t.Errorf("%d letters, want the %d that were sent more than %v ago", n, due, within)
			}
			t.Logf("%d letters, %d calls", len(r.letters()), len(r.calls("sick")))
			_ = w.stop()
		})
	}
}

func stamp(t *testing.T, at string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
