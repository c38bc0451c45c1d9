package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestTheCircuitSaysWhyItIsOpenAndWhatWasLost(t *testing.T) {
	for trouble, fault := range map[string]*localcloud.Fault{
		"503":                 status(503, "ServiceUnavailableException"),
		"connection refused":  brokenBefore,
		"hang":                {Delay: time.Hour},
		"403 for all":         status(403, "AccessDeniedException"),
		"expired credentials": status(403, "ExpiredTokenException"),
	} {
		subtest(t, trouble, layout{cloud: localcloud.Options{Quota: 10}}, func(t *testing.T, r *rig) {
			w := r.start()
			feed := r.traffic(200 * time.Millisecond)
			time.Sleep(10 * time.Second)
			heal := r.callsFail("*", fault)
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
			heal()
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
	}
}

func TestThingsThatAreSickDoNotHoldTheOthersBackForEver(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.callsFail("sick*", status(500, "InternalServerException"))
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
		r.wantNoLetters()
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoLetterIsWrittenWhileTheCircuitIsOpen(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", status(403, "ExpiredTokenException"))
		r.send(name("a", "x"))
		w := r.start()
		r.until("the circuit is open", time.Minute, func() bool { return w.Status().Circuit.Open })
		for range 30 {
			r.send(`{"Identifier":"a","Name":7}`)
		}
		time.Sleep(10 * time.Minute)
		r.wantNoLetters()
		heal()
		r.drained(5 * time.Minute)
		r.wantOnlyLetters(30)
		w.stopped()
	})
}

func TestAStopGivesBackMessagesWhoseLettersAreHeldBack(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.callsFail("*", status(403, "ExpiredTokenException"))
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
	for _, c := range []struct {
		name  string
		fault localcloud.Fault
	}{
		{"as long as the API asks for", localcloud.Fault{Status: 429, Code: "ThrottlingException", RetryAfter: "60"}},
		{"for calls that hang", localcloud.Fault{Delay: time.Hour}},
	} {
		subtest(t, c.name, layout{settings: func(c *config.Config) { c.CallTimeout, c.Concurrency = 5*time.Minute, 2 }}, func(t *testing.T, r *rig) {
			r.callsFail("*", &c.fault)
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
	}
}

func TestProbesGoOutThoughAllThatIsHeldBacksOff(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Latency: 50 * time.Millisecond}}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", &localcloud.Fault{Status: 503, Code: "ServiceUnavailableException", RetryAfter: "300"})
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
		heal()
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
