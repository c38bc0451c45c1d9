package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

var leaseCases = []standInCase{
	{
		name: "a lease is renewed while a slow call runs", run: (*outside).slowCall,
		layout: outsideLayout{settings: func(c *config.Config) { c.VisibilityTimeout, c.CallTimeout = 5*time.Second, 30*time.Second }},
	},
	{
		name: "what a crashed worker held comes again", run: (*outside).crash,
		layout: outsideLayout{settings: func(c *config.Config) { c.VisibilityTimeout, c.CallTimeout = 2*time.Second, 30*time.Second }},
	},
	{
		name: "a stop leaves nothing in flight", run: (*outside).stopMidway,
		layout: outsideLayout{latency: 200 * time.Millisecond, settings: func(c *config.Config) { c.RateStart = 30 }},
	},
}

// slowCall has a call of 8 s under a visibility timeout of 5 s.
func (o *outside) slowCall(t *testing.T) {
	o.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault { return &localcloud.Fault{Delay: 8 * time.Second} }
	o.sendAll(outgoing{body: name("lamp", "Hall")})
	w := o.start()
	o.until("the call is under way", patience, func() bool { return len(o.calls("lamp")) > 0 })
	o.until("the call is done", patience, func() bool {
		if visible, _ := o.count(); visible > 0 {
			t.Error("the message can be received by others during the call")
		}
		return o.calls("lamp")[0].Applied
	})
	o.drained()
	w.stopped()
	if s := w.Status().Messages; s.Received != 1 || s.ReceivedAgain != 0 || len(o.calls("lamp")) != 1 {
		t.Errorf("received %d times and %d again, with %d calls", s.Received, s.ReceivedAgain, len(o.calls("lamp")))
	}
}

// cable is a transport that can be pulled out: what is under way breaks, and
// nothing goes through any more. To the world outside the worker is then dead.
type cable struct {
	next   http.RoundTripper
	pulled context.Context
}

var errPulled = errors.New("the cable is pulled out")

func (c cable) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.pulled.Err() != nil {
		return nil, errPulled
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(c.pulled, func() { cancel(errPulled) })()
	answer, err := c.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body) // all of it, before ctx ends
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, err
}

// crash has one worker die with 20 messages in its hands, some of them settled.
func (o *outside) crash(t *testing.T) {
	const things = 20
	dead, die := context.WithCancel(context.Background())
	defer die()
	o.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		if c.N > 5 && dead.Err() == nil {
			return &localcloud.Fault{Hold: dead.Done()}
		}
		return nil
	}
	var messages []outgoing
	for n := range things {
		messages = append(messages, outgoing{body: name(fmt.Sprintf("thing-%d", n), "new")})
	}
	o.sendAll(messages...)
	first := o.start(func(a *app.Options) { a.Transport = cable{o.wire(), dead} })
	o.until("the first worker holds them all", patience, func() bool {
		return first.Status().Messages.Received == things && len(o.calls("")) == things
	})
	die()

	second := o.start()
	o.drained()
	second.stopped()
	for n := range things {
		o.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
	}
	if n := second.Status().Messages.Received; n < things-5 {
		t.Errorf("the second worker received %d messages, of which the first had settled 5 at most", n)
	}
}

// stopMidway stops a worker that has begun, and lets another one finish.
func (o *outside) stopMidway(t *testing.T) {
	const things = 60
	var messages []outgoing
	for n := range things {
		messages = append(messages, outgoing{body: name(fmt.Sprintf("thing-%d", n), "new")})
	}
	o.sendAll(messages...)
	first := o.start()
	o.until("some calls are done and more are under way", patience, func() bool {
		return first.outcomes()["applied"] >= 10 && first.Status().Calls.InFlight > 0
	})
	first.stopped()
	s := first.Status().Messages
	visible, inFlight := o.count()
	if inFlight != 0 || s.Stranded != 0 || visible != things-s.Outcomes["applied"] {
		t.Errorf("after the stop: %d visible, %d in flight, %d stranded, outcomes %v", visible, inFlight, s.Stranded, s.Outcomes)
	}

	second := o.start()
	o.drained()
	second.stopped()
	second.wantOutcomes(map[message.Outcome]int{message.Applied: visible})
	if n := len(o.calls("")); n != things {
		t.Errorf("%d calls for %d messages", n, things)
	}
}
