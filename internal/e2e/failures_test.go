package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/app"
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
			if took := l.SentAt.Sub(sentAt(t, f)); took < 2*time.Minute {
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

func sentAt(t testing.TB, f message.Failure) time.Time {
	at, err := time.Parse(time.RFC3339Nano, f.SentAt)
	if err != nil {
		t.Errorf("sentAt: %v", err)
	}
	return at
}

func TestHundredsOfThrottlesUseUpNoAttempt(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts, c.RetryMax = 1, 5*time.Second }}, func(t *testing.T, r *rig) {
		const throttles = 400
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
			from := time.Now().Add(time.Minute)
			to := from.Add(30 * time.Minute)
			r.onCall("*", func(int, string) *localcloud.Fault {
				if now := time.Now(); now.Before(from) || now.After(to) {
					return nil
				}
				return new(c.fault)
			})
			w := r.start()
			sent := 0
			for time.Now().Before(to) {
				r.send(name(fmt.Sprintf("thing-%d", sent%5), fmt.Sprintf("n%d", sent)))
				sent++
				time.Sleep(10 * time.Second)
			}
			r.drained(10 * time.Minute)
			w.stopped()
			r.wantNoLetters()
			for n := sent - 5; n < sent; n++ {
				r.wantMember(fmt.Sprintf("thing-%d", n%5), "Name", fmt.Sprintf(`"n%d"`, n))
			}
		})
	}
}

func TestABrownOutDeadLettersNothing(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts = 3 }}, func(t *testing.T, r *rig) {
		end := time.Now().Add(time.Hour)
		var n atomic.Int64
		r.onCall("*", func(int, string) *localcloud.Fault {
			if time.Now().Before(end) && n.Add(1)%2 == 0 {
				return status(500, "InternalServerException")
			}
			return nil
		})
		// One thing has no luck at all: it is still not told from the others.
		r.onCall("unlucky", func(int, string) *localcloud.Fault {
			if time.Now().Before(end) {
				return status(500, "InternalServerException")
			}
			return nil
		})
		w := r.start()
		r.send(name("unlucky", "new"))
		r.withTraffic(3*time.Second, func() { time.Sleep(time.Until(end)) })
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		r.wantMember("unlucky", "Name", `"new"`)
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

func TestRetryAfterIsAFloorWithABound(t *testing.T) {
	const bound = 5 * time.Minute
	in := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	word := func(s string) func() string { return func() string { return s } }
	for _, c := range []struct {
		name         string
		header       string
		value        func() string
		least, about time.Duration
	}{
		{"seconds", "Retry-After", word("45"), 45 * time.Second, 45 * time.Second},
		{"a date", "Retry-After", in(45 * time.Second), 44 * time.Second, 45 * time.Second},
		{"milliseconds", "X-Amz-Retry-After", word("45000"), 45 * time.Second, 45 * time.Second},
		{"a day in seconds", "Retry-After", word("86400"), bound, bound},
		{"a date in a year", "Retry-After", in(365 * 24 * time.Hour), bound, bound},
		{"a day in milliseconds", "X-Amz-Retry-After", word("86400000"), bound, bound},
		{"a number beyond all numbers", "Retry-After", word("99999999999999999999999"), bound, bound},
		{"a date gone by", "Retry-After", in(-time.Hour), 0, 0},
		{"a negative number", "Retry-After", word("-5"), 0, 0},
		{"no number", "Retry-After", word("soon"), 0, 0},
	} {
		for _, f := range []*localcloud.Fault{status(429, "ThrottlingException"), html(429), status(503, "ServiceUnavailableException"), html(503)} {
			kind := f.Code
			if kind == "" {
				kind = fmt.Sprintf("%d in HTML", f.Status)
			}
			subtest(t, c.name+", "+kind, layout{}, func(t *testing.T, r *rig) {
				r.onCall("a", func(n int, _ string) *localcloud.Fault {
					if n > 1 {
						return nil
					}
					fault := *f
					fault.Header = http.Header{c.header: {c.value()}}
					return &fault
				})
				w := r.start()
				r.send(name("a", "new"))
				r.drained(10 * time.Minute)
				w.stopped()
				calls := r.calls("a")
				if len(calls) != 2 {
					r.t.Fatalf("%d calls, want 2", len(calls))
				}
				// Beyond the floor there is only what the pace needs for its next token.
				if gap := calls[1].At.Sub(calls[0].End); gap < c.least || gap > c.about+time.Second {
					r.t.Errorf("called again after %v, want %v to %v", gap, c.least, c.about+time.Second)
				}
			})
		}
	}
}

// callerTroubles concern the caller's credentials, signature or clock.
var callerTroubles = []string{
	"ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
	"UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignatureException", "IncompleteSignature",
	"RequestTimeTooSkewed", "RequestExpired", "MissingAuthenticationTokenException",
}

func TestTroubleWithWhoWeAreDeadLettersNothing(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts = 1 }}, func(t *testing.T, r *rig) {
		from := time.Now().Add(5 * time.Minute)
		to := from.Add(10 * time.Minute)
		r.onCall("*", func(n int, _ string) *localcloud.Fault {
			if now := time.Now(); now.Before(from) || now.After(to) {
				return nil
			}
			return status(403, callerTroubles[n%len(callerTroubles)])
		})
		// Not even where it hits some things only and all the others fare well.
		for _, code := range callerTroubles {
			r.onCall(code, func(int, string) *localcloud.Fault {
				if time.Now().Before(to) {
					return status(403, code)
				}
				return nil
			})
		}
		w := r.start()
		for _, code := range callerTroubles {
			r.send(name(code, "new"))
		}
		r.withTraffic(2*time.Second, func() { time.Sleep(time.Until(to)) })
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		for _, code := range callerTroubles {
			r.wantMember(code, "Name", `"new"`)
		}
	})
}

// brokenCredentials are an account's that stop working for a while.
type brokenCredentials struct {
	mu    sync.Mutex
	now   aws.Credentials
	fails error
}

func (b *brokenCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, b.fails
}

func (b *brokenCredentials) set(secret string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := "AKIDLOCAL"
	if secret != "local-secret" {
		key = "AKIDROLLED" // of its own: the signer keeps what it derives from a secret, by key and day
	}
	b.now, b.fails = aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, err
}

func TestCredentialsThatFailWhileRunningAreWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name, secret string
		err          error
	}{
		{"there are none any more", "", errors.New("the role cannot be assumed")},
		{"the API and the queue refuse them", "rolled-over", nil},
	} {
		subtest(t, c.name, layout{settings: func(c *config.Config) { c.RetryAttempts = 1 }}, func(t *testing.T, r *rig) {
			hold := make(chan struct{})
			r.callsFail("held-0", &localcloud.Fault{Hold: hold})
			credentials := &brokenCredentials{}
			credentials.set("local-secret", nil)
			w := r.start(func(o *app.Options) { o.AWS.Credentials = credentials })
			for n := range 10 {
				r.send(name(fmt.Sprintf("held-%d", n), "new"))
			}
			r.until("all are being worked on", time.Minute, func() bool { return w.Status().Messages.Received == 10 })
			credentials.set(c.secret, c.err)
			close(hold)
			for n := range 10 {
				r.send(name(fmt.Sprintf("later-%d", n), "new"))
			}
			time.Sleep(10 * time.Minute)
			r.wantNoLetters()
			credentials.set("local-secret", nil)
			r.drained(10 * time.Minute)
			w.stopped()
			r.wantNoLetters()
			for n := range 10 {
				r.wantMember(fmt.Sprintf("held-%d", n), "Name", `"new"`)
				r.wantMember(fmt.Sprintf("later-%d", n), "Name", `"new"`)
			}
			if strings.Contains(w.lines(), "rolled-over") {
				t.Error("the secret is in the log")
			}
		})
	}
}

// While first calls wait, retries take at most a fifth of the rate.
func TestRetriesTakeAtMostAFifthWhileFirstCallsWait(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RateStart = 10 }}, func(t *testing.T, r *rig) {
		var mended atomic.Bool
		for n := range 30 {
			r.onCall(fmt.Sprintf("bad-%d", n), func(int, string) *localcloud.Fault {
				if mended.Load() {
					return nil
				}
				return status(503, "ServiceUnavailableException")
			})
			r.send(name(fmt.Sprintf("bad-%d", n), "new"))
		}
		time.Sleep(time.Second)
		for n := range 300 {
			r.send(name(fmt.Sprintf("good-%d", n), "new"))
		}
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
		mended.Store(true)
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
	})
}
