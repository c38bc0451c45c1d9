package ecs_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/ecs"
)

// agent is the ECS agent of one task.
type agent struct {
	mu       sync.Mutex
	until    time.Time // protected until then
	requests int
	status   int
	answer   string // empty: do as asked
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if a.answer != "" {
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
		return
	}
	var in struct {
		ProtectionEnabled *bool
		ExpiresInMinutes  int
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if r.Method != http.MethodPut || r.URL.Path != "/api/1234/task-protection/v1/state" || decoder.Decode(&in) != nil || in.ProtectionEnabled == nil {
		http.Error(w, `{"error":{"Code":"InvalidParameterException","Message":"as it was"}}`, http.StatusBadRequest)
		return
	}
	out := map[string]any{"ProtectionEnabled": *in.ProtectionEnabled, "TaskArn": "arn:aws:ecs:eu-west-1:1:task/1"}
	a.until = time.Time{}
	if *in.ProtectionEnabled {
		a.until = time.Now().Add(time.Duration(in.ExpiresInMinutes) * time.Minute)
		out["ExpirationDate"] = a.until.UTC().Format(time.RFC3339)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"protection": out})
}

func (a *agent) protected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.until)
}

func (a *agent) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// RoundTrip serves a request without a socket, so that it lives in a bubble.
func (a *agent) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

type task struct {
	held atomic.Int64
	logs *observer.ObservedLogs
	stop func()
}

func run(transport http.RoundTripper, uri string) *task {
	k := &task{}
	core, logs := observer.New(zapcore.DebugLevel)
	k.logs = logs
	p := ecs.New(ecs.Options{URI: uri, Transport: transport, Log: zap.New(core), Held: func() int { return int(k.held.Load()) }})
	ctx, cancel := context.WithCancelCause(context.Background())
	var group sync.WaitGroup
	group.Go(func() { p.Run(ctx) })
	k.stop = sync.OnceFunc(func() {
		cancel(errors.New("the test ends"))
		group.Wait()
	})
	return k
}

const uri = "http://169.254.170.2/api/1234"

func TestTheTaskIsProtectedWhileMessagesAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{}
		k := run(a, uri)
		defer k.stop()
		time.Sleep(time.Hour)
		if a.asked() > 0 {
			t.Error("asked though nothing is held")
		}
		k.held.Store(3)
		time.Sleep(6 * time.Second)
		for range 300 { // five hours
			if !a.protected() {
				t.Fatal("not protected though messages are held")
			}
			time.Sleep(time.Minute)
		}
		if n := a.asked(); n > 12 {
			t.Errorf("asked %d times in five hours", n)
		}
		k.held.Store(0)
		time.Sleep(2 * time.Minute)
		if a.protected() {
			t.Error("still protected though nothing is held")
		}
		k.held.Store(1)
		time.Sleep(6 * time.Second)
		if !a.protected() {
			t.Error("not protected once more")
		}
		k.stop()
		if a.protected() {
			t.Error("still protected after the stop")
		}
		if k.logs.Len() > 0 {
			t.Errorf("said: %v", k.logs.All())
		}
	})
}

func TestAMessageNowAndThenIsNoStreamOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{}
		k := run(a, uri)
		defer k.stop()
		for range 60 {
			k.held.Store(1)
			time.Sleep(7 * time.Second)
			k.held.Store(0)
			time.Sleep(23 * time.Second)
		}
		if n := a.asked(); n > 2 {
			t.Errorf("asked %d times in half an hour", n)
		}
	})
}

func TestAFailureIsSaidOnceAndTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
	}{
		"denied": {
			http.StatusBadRequest,
			`{"requestID":"1","error":{"Arn":"a","Code":"AccessDeniedException","Message":"not authorized to perform: ecs:UpdateTaskProtection"}}`,
		},
		"refused":   {http.StatusOK, `{"requestID":"1","failure":{"Arn":"a","Detail":"","Reason":"TASK_NOT_VALID"}}`},
		"html":      {http.StatusBadGateway, "<html>"},
		"otherwise": {http.StatusOK, `{"protection":{"ProtectionEnabled":false}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &agent{status: c.status, answer: c.answer}
				k := run(a, uri)
				defer k.stop()
				k.held.Store(1)
				time.Sleep(10 * time.Minute)
				if n := a.asked(); n < 5 || n > 15 {
					t.Errorf("asked %d times in ten minutes", n)
				}
				warnings := k.logs.FilterLevelExact(zapcore.WarnLevel).Len()
				if warnings != 1 || k.logs.Len() != 1 {
					t.Errorf("said: %v", k.logs.All())
				}
				a.mu.Lock()
				a.answer = ""
				a.mu.Unlock()
				time.Sleep(2 * time.Minute)
				if !a.protected() {
					t.Error("not protected when that was over")
				}
			})
		})
	}
}

// An answer that was lost may have switched protection on: the stop ends it.
func TestTheStopEndsWhatMayBeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{}
		k := run(lostAnswers{a}, uri)
		k.held.Store(1)
		time.Sleep(6 * time.Second)
		if !a.protected() {
			t.Fatal("the request did not get through")
		}
		k.stop()
		if a.protected() {
			t.Error("still protected after the stop")
		}
	})
}

type lostAnswers struct{ next http.RoundTripper }

func (l lostAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	if answer, err := l.next.RoundTrip(r); err == nil {
		answer.Body.Close()
	}
	return nil, io.ErrUnexpectedEOF
}

// An agent that hangs must not hold up the process's end.
func TestAnAgentThatHangsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := run(hangs{}, uri)
		k.held.Store(1)
		time.Sleep(6 * time.Second)
		began := time.Now()
		k.stop()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}

type hangs struct{}

func (hangs) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func TestOverTheNetwork(t *testing.T) {
	a := &agent{}
	s := httptest.NewServer(a)
	defer s.Close()
	k := run(nil, s.URL+"/api/1234/")
	k.held.Store(1)
	defer k.stop()
	for end := time.Now().Add(30 * time.Second); !a.protected(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not protected")
		}
	}
	k.stop()
	if a.protected() {
		t.Error("still protected after the stop")
	}
	if warnings := k.logs.FilterLevelExact(zapcore.WarnLevel).All(); len(warnings) > 0 {
		t.Error(warnings)
	}
}
