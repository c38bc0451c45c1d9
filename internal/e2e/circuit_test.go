package e2e

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestTheCircuitSaysWhyItIsOpenAndWhatWasLost(t *testing.T) {
	inVirtualTime(t)
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, layout{cloud: localcloud.Options{Quota: 10}})
				trouble := &outage{fault: o.fault}
				r.cloud.Faults.OnCall = trouble.call
				w := r.start()
				feed := r.traffic(200 * time.Millisecond)
				time.Sleep(10 * time.Second)
				trouble.on.Store(true)
				time.Sleep(time.Minute)

				c := w.Status().Circuit
				if !c.Open || c.Why == "" || c.Code == "" || time.Since(*c.Since) < 45*time.Second || time.Until(*c.NextProbe) > time.Second {
					t.Errorf("the circuit's status: %+v", c)
				}
				ok, why := w.Ready()
				for _, part := range []string{
					"circuit open since " + c.Since.UTC().Format(time.RFC3339), c.Code, "next probe at " + c.NextProbe.UTC().Format(time.RFC3339),
				} {
					if ok || !strings.Contains(why, part) {
						t.Errorf("ready %v: %q, want %q in it", ok, why, part)
					}
				}
				trouble.on.Store(false)
				r.until("the circuit is closed", 10*time.Second, func() bool { ok, _ := w.Ready(); return ok })
				feed()
				r.drained(5 * time.Minute)
				w.stopped()
				opened, closed := w.logs.FilterMessageSnippet("circuit open").All(), w.logs.FilterMessageSnippet("circuit closed").All()
				if len(opened) != 1 || len(closed) != 1 {
					t.Fatalf("the log does not say once each that the circuit opened and closed:\n%s", w.lines())
				}
				if lasted, _ := closed[0].ContextMap()["open_for"].(time.Duration); !strings.Contains(closed[0].Message, "nothing was lost") || lasted < 45*time.Second {
					t.Errorf("closed: %s %v", closed[0].Message, closed[0].ContextMap())
				}
			})
		})
	}
}

func TestThingsThatAreSickDoNotHoldTheOthersBackForEver(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{})
		r.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			if strings.HasPrefix(c.Thing, "sick") {
				return &localcloud.Fault{Status: 500, Code: "InternalServerException"}
			}
			return nil
		}
		for n := range 5 {
			r.send(name(fmt.Sprintf("sick-%d", n), "x"))
		}
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		time.Sleep(time.Minute) // the poll that was open has come back
		for n := range 20 {
			r.send(name(fmt.Sprintf("healthy-%d", n), "y"))
		}
		r.until("the healthy things are updated", 5*time.Minute, func() bool { return w.outcomes()[string(message.Applied)] == 20 })
		if n := len(r.letters()); n > 0 {
			t.Errorf("%d dead letters", n)
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoLetterIsWrittenWhileTheCircuitIsOpen(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{})
		trouble := &outage{fault: localcloud.Fault{Status: 403, Code: "ExpiredTokenException"}}
		trouble.on.Store(true)
		r.cloud.Faults.OnCall = trouble.call
		r.send(name("a", "x"))
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		for range 30 {
			r.send(`{"Identifier":"a","Name":7}`)
		}
		time.Sleep(10 * time.Minute)
		if n := len(r.letters()); n > 0 {
			t.Errorf("%d letters written while the circuit was open", n)
		}
		trouble.on.Store(false)
		r.drained(5 * time.Minute)
		if n := len(r.letters()); n != 30 {
			t.Errorf("%d letters, want 30", n)
		}
		w.stopped()
	})
}

func TestAStopGivesBackMessagesWhoseLettersAreHeldBack(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{})
		trouble := &outage{fault: localcloud.Fault{Status: 403, Code: "ExpiredTokenException"}}
		trouble.on.Store(true)
		r.cloud.Faults.OnCall = trouble.call
		r.send(name("a", "x"))
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		r.send(`{"Identifier":"a","Name":7}`)
		time.Sleep(time.Minute)
		w.stopped()
		if messages := r.cloud.SQS.Messages(r.queue); len(messages) != 2 || messages[0].InFlight || messages[1].InFlight {
			t.Errorf("left in the queue: %+v", messages)
		}
	})
}

func TestTheWorkerIsHealthyWhileItWaits(t *testing.T) {
	inVirtualTime(t)
	for _, c := range []struct {
		name  string
		fault localcloud.Fault
	}{
		{"as long as the API asks for", localcloud.Fault{Status: 429, Code: "ThrottlingException", RetryAfter: "60"}},
		{"for calls that hang", localcloud.Fault{Delay: time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, layout{settings: func(c *config.Config) { c.CallTimeout, c.Concurrency = 5*time.Minute, 2 }})
				trouble := &outage{fault: c.fault}
				trouble.on.Store(true)
				r.cloud.Faults.OnCall = trouble.call
				for n := range 20 {
					r.send(name(fmt.Sprintf("t-%d", n), "x"))
				}
				w := r.start()
				for range 600 {
					time.Sleep(time.Second)
					if ok, stale := w.Health(); !ok {
						t.Fatalf("not healthy: %v", stale)
					}
				}
				w.stop()
			})
		})
	}
}

func TestProbesGoOutThoughAllThatIsHeldBacksOff(t *testing.T) {
	inVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{cloud: localcloud.Options{Latency: 50 * time.Millisecond}})
		down := &outage{fault: localcloud.Fault{Status: 503, Code: "ServiceUnavailableException", RetryAfter: "300"}}
		down.on.Store(true)
		r.cloud.Faults.OnCall = down.call
		r.sendNames("held", 3)
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		time.Sleep(30 * time.Second) // open polls come back empty
		probes := r.calls("")[3:]
		if len(probes) < 28 || len(probes) > 30 {
			t.Errorf("%d probes in 30 s, want one a second", len(probes))
		}
		for i := range max(0, len(probes)-2) {
			if a, b, c := probes[i].Thing, probes[i+1].Thing, probes[i+2].Thing; a == b || b == c || a == c {
				t.Errorf("probes %d to %d were for %s, %s and %s: the things do not take turns", i, i+2, a, b, c)
			}
		}
		down.on.Store(false)
		well := time.Now()
		r.sendNames("healthy", 20)
		r.until("the healthy things are updated", 10*time.Minute, func() bool { return w.outcomes()[string(message.Applied)] >= 20 })
		if took := time.Since(well); took > 5*time.Second {
			t.Errorf("the healthy things were updated %v after the service was well", took)
		}
		r.drained(10 * time.Minute)
		w.stopped()
	})
}
