package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// outage is a trouble of the service: every call gets the fault while it lasts.
type outage struct {
	on    atomic.Bool
	fault localcloud.Fault
}

func (o *outage) call(localcloud.CallInfo) *localcloud.Fault {
	if !o.on.Load() {
		return nil
	}
	return new(o.fault)
}

// outages are the troubles that must cost nothing but time.
var outages = []struct {
	name    string
	fault   localcloud.Fault
	opens   time.Duration // at most, from the trouble's start
	resumes time.Duration // at most, from its end
}{
	{"503", localcloud.Fault{Status: 503, Code: "ServiceUnavailableException"}, 3 * time.Second, 5 * time.Second},
	{"connection refused", localcloud.Fault{BreakBefore: true}, 3 * time.Second, 5 * time.Second},
	{"hang", localcloud.Fault{Delay: time.Hour}, 13 * time.Second, 8 * time.Second},
	{"403 for all", localcloud.Fault{Status: 403, Code: "AccessDeniedException"}, 3 * time.Second, 5 * time.Second},
	{"expired credentials", localcloud.Fault{Status: 403, Code: "ExpiredTokenException"}, 3 * time.Second, 5 * time.Second},
}

func TestAnOutageCostsNothingButTime(t *testing.T) {
	for _, c := range outages {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := layout{}
				l.cloud.Quota = 10
				r := newRig(t, l)
				r.cfg.RateStart = 10
				trouble := &outage{fault: c.fault}
				r.cloud.Faults.OnCall = trouble.call
				w := r.start()
				feed := r.traffic(200 * time.Millisecond)
				time.Sleep(30 * time.Second)

				trouble.on.Store(true)
				began := time.Now()
				r.until("the circuit is open", c.opens, func() bool { return w.Status().Circuit.Open })
				time.Sleep(2 * time.Second)
				receives, opened := r.cloud.SQS.Requests()["ReceiveMessage"], time.Now()
				time.Sleep(60*time.Second - time.Since(began))
				if n := r.cloud.SQS.Requests()["ReceiveMessage"] - receives; n > 0 {
					t.Errorf("%d receives started while the circuit was open", n)
				}
				trouble.on.Store(false)
				ended := time.Now()
				var starts []time.Time
				for _, call := range r.calls("") {
					if call.At.After(opened) && call.At.Before(ended) {
						starts = append(starts, call.At)
					}
				}
				for i := 1; i < len(starts); i++ {
					if gap := starts[i].Sub(starts[i-1]); gap < time.Second {
						t.Errorf("two calls started within %v while the circuit was open", gap)
					}
				}
				if len(starts) == 0 {
					t.Error("no probe went out")
				}
				r.until("a call succeeds again", c.resumes, func() bool {
					return slices.ContainsFunc(r.calls(""), func(call localcloud.Call) bool { return call.Applied && call.At.After(ended) })
				})
				if w.Status().Circuit.Open {
					t.Error("still open after a success")
				}
				feed()
				r.drained(5 * time.Minute)
				w.stopped()
				if n := len(r.letters()); n > 0 {
					t.Errorf("%d dead letters", n)
				}
				lines := w.lines()
				if strings.Count(lines, "circuit open") != 1 || strings.Count(lines, "circuit closed") != 1 {
					t.Errorf("the log does not say once each that the circuit opened and closed:\n%s", lines)
				}
			})
		})
	}
}

func TestAWrongRegionWritesAtMostTwentyLettersAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{})
		trouble := &outage{fault: localcloud.Fault{Status: 404, Code: "ResourceNotFoundException"}}
		trouble.on.Store(true)
		r.cloud.Faults.OnCall = trouble.call
		for n := range 200 {
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprintf("t-%d", n), "x"), SentAt: time.Now().Add(-time.Hour)})
		}
		w := r.start()
		r.until("the circuit says so", time.Minute, func() bool { return w.Status().Circuit.Why == "all_refuse" })
		time.Sleep(10 * time.Minute)
		if n := len(r.letters()); n > 20 {
			t.Errorf("%d dead letters, want at most 20", n)
		}
		trouble.on.Store(false)
		r.drained(5 * time.Minute)
		w.stopped()
		if n := len(r.letters()); n > 20 {
			t.Errorf("%d dead letters at the end", n)
		}
		if n := w.outcomes()[string(message.Applied)] + len(r.letters()); n != 200 {
			t.Errorf("%d applied or lettered, want all 200", n)
		}
	})
}

func TestRandomFailuresOfManyDeadLetterNothing(t *testing.T) {
	for _, share := range []float64{0.5, 0.8} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := layout{}
				l.cloud.Seed, l.cloud.Quota = 7, 10
				r := newRig(t, l)
				r.cfg.RateStart = 10
				w := r.start()
				feed := r.traffic(500 * time.Millisecond)
				time.Sleep(10 * time.Second)
				r.cloud.Faults.SetRates(localcloud.Rates{API: localcloud.APIRates{Unavailable: share}})
				time.Sleep(5 * time.Minute)
				r.cloud.Faults.SetRates(localcloud.Rates{})
				feed()
				r.drained(5 * time.Minute)
				w.stopped()
				if n := len(r.letters()); n > 0 {
					t.Errorf("%d dead letters", n)
				}
			})
		})
	}
}

func TestAtNightTheOnlyThingFailsAndStallsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, layout{})
		r.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			if c.Thing == "sick" {
				return &localcloud.Fault{Status: 500, Code: "InternalServerException"}
			}
			return nil
		}
		w := r.start()
		r.send(name("sick", "x"))
		time.Sleep(3 * time.Hour)
		r.send(name("healthy", "y"))
		r.until("the healthy thing is updated", time.Second, func() bool { _, ok := r.cloud.Things.Get("healthy"); return ok })
		if s := w.Status(); s.Backlog.NoEvidence != 1 || len(r.letters()) != 0 {
			t.Errorf("no_evidence %d, letters %d", s.Backlog.NoEvidence, len(r.letters()))
		}
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestThingsThatAreSickDoNotHoldTheOthersBackForEver(t *testing.T) {
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
