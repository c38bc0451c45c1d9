package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthAsksTheWorker(t *testing.T) {
	well := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		if !well {
			http.Error(w, "no progress: pollers", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")

	// No queue is set: it is none of this command's business.
	f := newFixture("WORKER_ADMIN_ADDR=" + addr)
	if code := f.run(t, "health"); code != 0 || f.out.String() != "ok\n" {
		t.Errorf("well: %d %q %q", code, f.out.String(), f.err.String())
	}
	well = false
	if code := f.run(t, "health"); code != 1 || !strings.Contains(f.err.String(), "no progress: pollers") {
		t.Errorf("not well: %d %q", code, f.err.String())
	}
	server.Close()
	g := newFixture()
	if code := g.run(t, "health", "--admin-addr", addr); code != 1 || !strings.Contains(g.err.String(), "does not answer") {
		t.Errorf("gone: %d %q", code, g.err.String())
	}
}

func TestHealthWithoutAddress(t *testing.T) {
	for _, addr := range []string{"", "8080"} {
		f := newFixture("WORKER_ADMIN_ADDR=" + addr)
		if code := f.run(t, "health"); code != 2 || !strings.Contains(f.err.String(), "WORKER_ADMIN_ADDR") || strings.Contains(f.err.String(), "QUEUE") {
			t.Errorf("%q: %d %q", addr, code, f.err.String())
		}
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", "10.1.2.3:80": "10.1.2.3:80", "localhost:80": "localhost:80",
	} {
		if got := reachable(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
