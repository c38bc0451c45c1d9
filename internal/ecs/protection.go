// Package ecs asks Amazon ECS not to stop the worker's task while it holds
// messages.
package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
)

// AgentURI is the variable in which the ECS agent tells a container where to reach
// it. If it is not set, the process does not run on ECS.
const AgentURI = "ECS_AGENT_URI"

const (
	lookEvery = 5 * time.Second
	// expires is how long the protection lasts that ECS is asked for, so what a crash
	// leaves behind ends by itself. renew is when it is asked again.
	expires = 60 * time.Minute
	renew   = 30 * time.Minute
	// linger is how long nothing must be held before protection is switched off: a message
	// now and then must not cost two requests to ECS each time.
	linger = time.Minute
	// again is the wait after a failure.
	again = time.Minute
	// answers bounds one request; the last one holds up the end of the process.
	answers = 2 * time.Second
)

// Options of Protection.
type Options struct {
	URI  string     // the value of AgentURI
	Held func() int // how many messages are held; safe for use by many goroutines
	Log  *zap.Logger
	// Transport carries the requests. Nil: the network, without a proxy, since the
	// agent is on this machine.
	Transport http.RoundTripper
}

// Protection is scale-in protection of the task that this process runs in. A worker that
// is stopped gives back what it holds, so nothing depends on the protection: if it fails,
// the log says so once.
type Protection struct {
	o      Options
	client *http.Client

	on     bool      // it may be on: ECS was asked, and not yet to end it
	asked  time.Time // when ECS last said yes; zero: it did not
	busy   time.Time // when a message was last held
	next   time.Time // not before: after a failure
	warned bool
}

// New makes a Protection that does nothing yet.
func New(o Options) *Protection {
	if o.Transport == nil {
		o.Transport = &http.Transport{DisableKeepAlives: true}
	}
	return &Protection{o: o, client: &http.Client{Transport: o.Transport}}
}

// Run protects the task while messages are held, until ctx ends. Then it switches
// protection off and returns, 2 s later at most.
func (p *Protection) Run(ctx context.Context) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		p.look(ctx, time.Now())
		select {
		case <-ctx.Done():
			if p.on { // after a crash the task stays protected until the hour ends
				p.off(context.WithoutCancel(ctx), time.Now())
			}
			return
		case <-every.C:
		}
	}
}

func (p *Protection) look(ctx context.Context, now time.Time) {
	held := p.o.Held() > 0
	if held {
		p.busy = now
	}
	switch {
	case now.Before(p.next):
	case held && (p.asked.IsZero() || now.Sub(p.asked) >= renew):
		p.on = true // even if no answer comes
		if p.ask(ctx, true, now) {
			p.asked = now
		}
	case p.on && now.Sub(p.busy) >= linger:
		p.off(ctx, now)
	}
}

func (p *Protection) off(ctx context.Context, now time.Time) {
	if p.ask(ctx, false, now) {
		p.on, p.asked = false, time.Time{}
	}
}

func (p *Protection) ask(ctx context.Context, on bool, now time.Time) bool {
	bounded, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	err := p.put(bounded, on)
	if err == nil {
		return true
	}
	if ctx.Err() != nil {
		return false // cut by the stop, which asks once more
	}
	p.next = now.Add(again)
	if !p.warned {
		p.warned = true
		p.o.Log.Warn("ECS does not protect this task from scale-in while it holds messages; nothing is lost by that, since a task that is stopped gives back what it holds; allow the task role ecs:UpdateTaskProtection to have it protected. Retrying; this warning is logged once", zap.Error(err))
	}
	return false
}

// state is the agent's request: Amazon ECS Developer Guide, "Amazon ECS task
// scale-in protection endpoint".
type state struct {
	ProtectionEnabled bool
	ExpiresInMinutes  int `json:",omitzero"` // 1 to 2880
}

func (p *Protection) put(ctx context.Context, on bool) error {
	want := state{ProtectionEnabled: on}
	if on {
		want.ExpiresInMinutes = int(expires / time.Minute)
	}
	body, err := json.Marshal(want)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, strings.TrimSuffix(p.o.URI, "/")+"/task-protection/v1/state", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", AgentURI, err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return verdict(response, on)
}

// verdict reads the answer: {"protection": …} if it was done, {"failure": …} if ECS
// refused, {"error": …} if ECS could not be asked.
func verdict(response *http.Response, on bool) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<10))
	if err != nil {
		return err
	}
	var answer struct {
		Protection *struct{ ProtectionEnabled bool } `json:"protection"`
		Failure    struct{ Reason, Detail string }   `json:"failure"`
		Error      struct{ Code, Message string }    `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("the ECS agent's answer is no JSON (HTTP status %d)", response.StatusCode)
	}
	switch {
	case answer.Error.Code != "":
		return fmt.Errorf("%s: %s", answer.Error.Code, answer.Error.Message)
	case answer.Failure.Reason != "":
		return fmt.Errorf("%s %s", answer.Failure.Reason, answer.Failure.Detail)
	case response.StatusCode != http.StatusOK || answer.Protection == nil:
		return fmt.Errorf("the ECS agent answered with HTTP status %d", response.StatusCode)
	case answer.Protection.ProtectionEnabled != on:
		return errors.New("the ECS agent did not do as it was asked")
	}
	return nil
}
