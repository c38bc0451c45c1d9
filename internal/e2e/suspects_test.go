package e2e

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

// Suspects are messages that were received often.

func TestASuspectThatWasThrottledOnceIsCalledAgainWithin30SecondsBehind6000YoungerThings(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RateStart, c.RateMax, c.MaxHeld = 10, 10, 10_000 }}, func(t *testing.T, r *rig) {
		r.onCall("suspect", first(1, status(http.StatusTooManyRequests, "ThrottlingException")))
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("suspect", "new"), Receives: 5})
		time.Sleep(time.Millisecond)
		r.sendNames("younger", 6000)
		w := r.start()
		r.until("the suspect is called again", 20*time.Minute, func() bool { return len(r.calls("suspect")) == 2 })
		calls := r.calls("suspect")
		if took := calls[1].At.Sub(calls[0].End); took > 30*time.Second {
			t.Errorf("called again after %v, when %d of the 6000 younger things had been updated", took, len(r.calls(""))-2)
		}
		_ = w.stop()
	})
}

func TestMessagesThatWereReceivedOftenAreNotCalledOneAfterTheOther(t *testing.T) {
	for _, c := range []struct {
		name     string
		latency  time.Duration // of a call
		quota    float64
		messages int
		within   time.Duration
		least    int // calls by then
	}{
		{"as fast as others at 50 ms a call", 50 * time.Millisecond, 150, 1500, 15 * time.Second, 1400},
		{"at the quota at 300 ms a call", 300 * time.Millisecond, 20, 400, 25 * time.Second, 390},
	} {
		l := layout{
			cloud:    localcloud.Options{Latency: c.latency},
			settings: func(s *config.Config) { s.RateStart, s.RateMax = c.quota, c.quota },
		}
		subtest(t, c.name, l, func(t *testing.T, r *rig) {
			for n := range c.messages {
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprint("thing-", n), "new"), Receives: 6})
			}
			w := r.start()
			time.Sleep(c.within)
			if n := len(r.calls("")); n < c.least {
				t.Errorf("%d of %d calls in %v, want %d", n, c.messages, c.within, c.least)
			}
			r.drained(10 * time.Minute)
			w.stopped()
		})
	}
}

// slowWriter takes its time to write a call's request.
type slowWriter struct {
	to    http.RoundTripper
	takes time.Duration

	mu    sync.Mutex
	wrote map[string][2]time.Time // by thing: when the writing of its call began and ended
}

func (s *slowWriter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		began := time.Now()
		time.Sleep(s.takes)
		s.mu.Lock()
		s.wrote[path.Base(r.URL.Path)] = [2]time.Time{began, time.Now()}
		s.mu.Unlock()
	}
	return s.to.RoundTrip(r)
}

func TestSuspectsAreWrittenOneAtATimeAndWaitForTheirAnswersTogether(t *testing.T) {
	const suspects, others, latency = 8, 20, time.Second
	inBubble(t, layout{cloud: localcloud.Options{Latency: latency}}, func(t *testing.T, r *rig) {
		for n := range suspects {
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprint("suspect-", n), "new"), Receives: 5})
		}
		r.sendNames("other", others)
		api := &slowWriter{to: r.cloud.Transport(), takes: 200 * time.Millisecond, wrote: map[string][2]time.Time{}}
		up := time.Now()
		w := r.start(func(o *app.Options) { o.Transport = api })
		r.drained(time.Minute)
		w.stopped()
		r.wantAppliedOnce("suspect", suspects)
		r.wantAppliedOnce("other", others)
		together := 0
		for a, wrote := range api.wrote {
			if strings.HasPrefix(a, "other") {
				if took := wrote[0].Sub(up); took > time.Second {
					t.Errorf("%s was called after %v: the suspects held it up", a, took)
				}
				continue
			}
			for b, then := range api.wrote {
				switch {
				case a == b || strings.HasPrefix(b, "other"):
				case wrote[0].Before(then[1]) && then[0].Before(wrote[1]):
					t.Errorf("%s and %s were written at once", a, b)
				case wrote[0].After(then[1]) && wrote[0].Before(then[1].Add(latency)):
					together++
				}
			}
		}
		if together == 0 {
			t.Error("each suspect waited for the answer of the one before it")
		}
	})
}
