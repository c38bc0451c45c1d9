package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"managed-thing-updater/internal/admin"
	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

func options() admin.Options {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "worker_messages_held", Help: "Messages held."}))
	return admin.Options{
		Addr:     "127.0.0.1:0",
		Health:   telemetry.NewHealth(),
		Ready:    func() (bool, string) { return true, "" },
		Status:   func() any { return map[string]any{"held": 3} },
		Live:     livepage.New(livepage.Options{Read: func() status.Status { return status.Status{} }, Hot: func() []status.HotThing { return nil }}),
		Control:  new(control),
		Level:    zap.NewAtomicLevel(),
		Registry: registry,
		Log:      zap.NewNop(),
	}
}

// start serves until the test ends, and returns the base URL.
func start(t *testing.T, o admin.Options) string {
	t.Helper()
	s := admin.New(o)
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + addr
}

// ask sends one request, on a connection of its own, and returns status and body.
func ask(t *testing.T, method, url, authorization string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestEndpoints(t *testing.T) {
	base := start(t, options())
	for path, want := range map[string]string{
		"/healthz": "ok",
		"/readyz":  "ready",
		"/metrics": "worker_messages_held 0",
		"/status":  "{\n  \"held\": 3\n}",
		"/":        "/healthz",
	} {
		if code, body := ask(t, http.MethodGet, base+path, ""); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", path, code, body, want)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/nothing"} {
		if code, _ := ask(t, http.MethodGet, base+path, ""); code != 404 {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
	if code, _ := ask(t, http.MethodPost, base+"/healthz", ""); code != 405 {
		t.Errorf("POST: %d, want 405", code)
	}
}

func TestNotReadyAndNoProgress(t *testing.T) {
	o := options()
	o.Ready = func() (bool, string) { return false, "draining" }
	o.Health.Watch("pollers", -time.Second, time.Now)
	base := start(t, o)
	if code, body := ask(t, http.MethodGet, base+"/readyz", ""); code != 503 || body != "not ready: draining\n" {
		t.Errorf("readyz: %d %q", code, body)
	}
	if code, body := ask(t, http.MethodGet, base+"/healthz", ""); code != 503 || body != "no progress: pollers\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
}

func TestToken(t *testing.T) {
	o := options()
	o.Token = "s3cret"
	base := start(t, o)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if code, _ := ask(t, http.MethodGet, base+path, ""); code != 200 {
			t.Errorf("%s asks for a token: %d", path, code)
		}
	}
	for _, path := range []string{"/status", "/", "/debug/pprof/", "/debug/pprof/cmdline"} {
		for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crett", "Basic s3cret", "s3cret"} {
			code, body := ask(t, http.MethodGet, base+path, authorization)
			if code != 401 || strings.Contains(body, "s3cret") {
				t.Errorf("%s with %q: %d %q", path, authorization, code, body)
			}
		}
		for _, authorization := range []string{"Bearer s3cret", "bearer  s3cret"} {
			if code, body := ask(t, http.MethodGet, base+path, authorization); code != 200 {
				t.Errorf("%s with %q: %d %q", path, authorization, code, body)
			}
		}
	}
}

func TestStatusThatIsNoJSON(t *testing.T) {
	o := options()
	o.Status = func() any { return json.Number("no number") }
	if code, body := ask(t, http.MethodGet, start(t, o)+"/status", ""); code != 500 {
		t.Errorf("%d %q", code, body)
	}
}

func TestSwitchedOff(t *testing.T) {
	o := options()
	o.Addr = ""
	s := admin.New(o)
	if addr, err := s.Start(); addr != "" || err != nil {
		t.Errorf("%q, %v", addr, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	o := options()
	o.Addr = listener.Addr().String()
	s := admin.New(o)
	if _, err := s.Start(); err == nil || !strings.Contains(err.Error(), "WORKER_ADMIN_ADDR") {
		t.Errorf("%v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseCutsWhatDoesNotEnd(t *testing.T) {
	o := options()
	entered, release := make(chan struct{}), make(chan struct{})
	o.Status = func() any {
		close(entered)
		<-release
		return nil
	}
	s := admin.New(o)
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if response, err := http.Get("http://" + addr + "/status"); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-entered
	enough := errors.New("enough waited")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if err := s.Close(ctx); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("it still listens")
	}
	close(release)
	<-asked
}

func TestMessages(t *testing.T) {
	log := timeline.New(timeline.Options{})
	r := timeline.Recorder{Metrics: telemetry.NewMetrics(), Stories: log}
	r.Received(message.Incoming{ID: "held"}, time.Now())
	lost := r.Received(message.Incoming{ID: "lost"}, time.Now())
	lost.LeaseLost()
	o := options()
	o.Token, o.Stories = "hunter2", log
	base := start(t, o)
	const token = "Bearer hunter2"
	if code, _ := ask(t, http.MethodGet, base+"/status/messages", ""); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", code)
	}
	for path, want := range map[string]struct {
		code  int
		ids   []string
		other string
	}{
		"/status/messages":          {http.StatusOK, []string{`"held"`, `"lost"`}, `"none"`},
		"/status/messages?failed=1": {http.StatusOK, []string{`"lost"`}, `"held"`},
		"/status/messages/held":     {http.StatusOK, []string{`"held"`, `"waiting"`, `"received"`}, `"lost"`},
		"/status/messages/none":     {http.StatusNotFound, []string{"nothing is remembered"}, "{"},
	} {
		code, body := ask(t, http.MethodGet, base+path, token)
		if code != want.code || strings.Contains(body, want.other) {
			t.Errorf("%s: %d %s", path, code, body)
		}
		for _, part := range want.ids {
			if !strings.Contains(body, part) {
				t.Errorf("%s: no %s in %s", path, part, body)
			}
		}
	}
}
