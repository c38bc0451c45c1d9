package e2e

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// failureClass is one way in which a call ends without saying anything about the
// values that it carried.
type failureClass struct {
	name     string
	fault    localcloud.Fault
	code     string // on the letter
	throttle bool   // nobody's failure: no letter, however often
	unknown  bool   // it may have been applied
}

var failureClasses = []failureClass{
	{name: "ThrottlingException", fault: *status(429, "ThrottlingException"), throttle: true},
	{name: "429 in HTML", fault: *html(429), throttle: true},
	{name: "429 without a body", fault: localcloud.Fault{Status: 429}, throttle: true},
	{name: "429 with a code of another kind", fault: *status(429, "ServiceUnavailableException"), throttle: true},
	{name: "TooManyRequestsException", fault: *status(400, "TooManyRequestsException"), throttle: true},
	{name: "ProvisionedThroughputExceededException", fault: *status(400, "ProvisionedThroughputExceededException"), throttle: true},
	{name: "SlowDown", fault: *status(503, "SlowDown"), throttle: true},
	{name: "RequestLimitExceeded", fault: *status(503, "RequestLimitExceeded"), throttle: true},
	{name: "ServiceUnavailableException", fault: *status(503, "ServiceUnavailableException"), code: "ServiceUnavailableException"},
	{name: "InternalServerException", fault: *status(500, "InternalServerException"), code: "InternalServerException"},
	{name: "ConflictException", fault: *status(409, "ConflictException"), code: "ConflictException"},
	{name: "500 without a code", fault: localcloud.Fault{Status: 500}, code: "HTTP 500"},
	{name: "502 in HTML", fault: *html(502), code: "HTTP 502"},
	{name: "503 in HTML", fault: *html(503), code: "HTTP 503"},
	{name: "504 in HTML, applied", fault: localcloud.Fault{Status: 504, ContentType: "text/html", Body: "<html>", BreakAfter: true}, code: "HTTP 504", unknown: true},
	{name: "404 in HTML", fault: *html(404), code: "HTTP 404"},
	{name: "403 in HTML", fault: *html(403), code: "HTTP 403"},
	{name: "400 without a code", fault: localcloud.Fault{Status: 400, ContentType: "application/json", Body: `{"message":"no"}`}, code: "HTTP 400"},
	{name: "400 with a code that is not modelled", fault: *status(400, "SerializationException"), code: "SerializationException"},
	{name: "404 with a code that is not modelled", fault: *status(404, "UnknownOperationException"), code: "UnknownOperationException"},
	{name: "413", fault: *html(413), code: "HTTP 413"},
	{name: "timeout, not applied", fault: localcloud.Fault{Delay: time.Minute, BreakBefore: true}, code: "timeout", unknown: true},
	{name: "timeout, applied", fault: localcloud.Fault{Delay: time.Minute, ApplyLate: time.Nanosecond}, code: "timeout", unknown: true},
	{name: "connection broken before", fault: localcloud.Fault{BreakBefore: true}, code: "connection", unknown: true},
	{name: "connection broken after", fault: localcloud.Fault{BreakAfter: true}, code: "connection", unknown: true},
}

func TestEveryPassingFailureIsRetriedUntilItPasses(t *testing.T) {
	const failures = 5
	for _, c := range failureClasses {
		subtest(t, c.name, layout{}, func(t *testing.T, r *rig) {
			r.onCall("a", first(failures, new(c.fault)))
			w := r.start()
			r.send(name("a", "new"))
			r.drained(5 * time.Minute)
			w.stopped()
			r.wantMember("a", "Name", `"new"`)
			r.wantCalls("a", failures+1)
			r.wantNoLetters()
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		})
	}
}

// Each class meets one thing, for ever, while other things fare well: the message
// of a real failure is given up in the end, with its code; a throttled one never.
func TestEveryFailureOfOneThingAloneExhaustsItButAThrottle(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.CallTimeout, c.RetryAttempts = 2*time.Second, 4 }}, func(t *testing.T, r *rig) {
		var over atomic.Bool
		for i, c := range failureClasses {
			r.onCall(fmt.Sprintf("thing-%d", i), func(int, string) *localcloud.Fault {
				if over.Load() && c.throttle {
					return nil
				}
				return new(c.fault)
			})
		}
		w := r.start()
		ids := make([]string, len(failureClasses))
		stop := r.traffic(40 * time.Millisecond)
		for i := range failureClasses {
			ids[i] = r.send(name(fmt.Sprintf("thing-%d", i), "new"))
		}
		for i, c := range failureClasses {
			if c.throttle {
				continue
			}
			l := r.wantLetter(ids[i], 15*time.Minute)
			f := l.Failure
			if f.Reason != message.Exhausted || f.Code != c.code || f.Attempts < r.cfg.RetryAttempts {
				t.Errorf("%s: %+v", c.name, f)
			}
			if took := l.SentAt.Sub(stamp(t, f.SentAt)); took < 2*time.Minute {
				t.Errorf("%s: given up after %v", c.name, took)
			}
		}
		for i, c := range failureClasses {
			if _, ok := r.letterOf(ids[i]); ok && c.throttle {
				t.Errorf("%s: a throttle is no failure", c.name)
			}
		}
		stop()
		over.Store(true)
		r.drained(5 * time.Minute)
		w.stopped()
		for i, c := range failureClasses {
			if c.throttle {
				r.wantMember(fmt.Sprintf("thing-%d", i), "Name", `"new"`)
			}
		}
	})
}

func TestHundredsOfThrottlesUseUpNoAttempt(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts, c.RetryMax = 1, 5*time.Second }}, func(t *testing.T, r *rig) {
		const throttles = 200
		r.onCall("a", first(throttles, status(429, "ThrottlingException")))
		w := r.start()
		r.send(name("a", "new"))
		r.withTraffic(time.Second, func() {
			r.until("the throttled one is applied", 6*time.Hour, func() bool { _, ok := r.cloud.Things.Get("a"); return ok })
		})
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", throttles+1)
		r.wantNoLetters()
	})
}

func TestAnOutageDeadLettersNothing(t *testing.T) {
	for _, c := range failureClasses {
		switch c.name {
		case "ServiceUnavailableException", "ThrottlingException", "timeout, not applied":
		default:
			continue
		}
		subtest(t, c.name, layout{settings: func(c *config.Config) { c.RetryAttempts = 3 }}, func(t *testing.T, r *rig) {
			w := r.start()
			r.rotate("thing", 5, 10*time.Second, time.Minute)
			heal := r.callsFail("*", &c.fault)
			r.rotate("thing", 5, 10*time.Second, 30*time.Minute)
			heal()
			r.drained(10 * time.Minute)
			w.stopped()
			r.wantNoLetters()
			for n := 175; n < 180; n++ {
				r.wantMember(fmt.Sprintf("thing-%d", n%5), "Name", fmt.Sprintf(`"n%d"`, n))
			}
		})
	}
}

func TestABrownOutDeadLettersNothing(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts = 3 }}, func(t *testing.T, r *rig) {
		end := time.Now().Add(20 * time.Minute)
		var n atomic.Int64
		r.onCall("*", func(int, string) *localcloud.Fault {
			if time.Now().Before(end) && n.Add(1)%2 == 0 {
				return status(500, "InternalServerException")
			}
			return nil
		})
		// One thing has no luck at all: it is still not told from the others.
		heal := r.callsFail("unlucky", status(500, "InternalServerException"))
		w := r.start()
		r.send(name("unlucky", "new"))
		r.withTraffic(3*time.Second, func() { time.Sleep(time.Until(end)) })
		heal()
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		r.wantMember("unlucky", "Name", `"new"`)
	})
}
