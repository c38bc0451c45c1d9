package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestExplainAsksTheWorker(t *testing.T) {
	const story = `{"id":"m-1","thing":"lamp","outcome":"applied","events":[` +
		`{"at":"2026-05-01T12:00:00Z","what":"received","detail":"received from the queue for the first time, 1.5s after it was sent"},` +
		`{"at":"2026-05-01T12:00:02.5Z","what":"applied","detail":"applied: the thing has its values"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer hunter2":
			http.Error(w, "no", http.StatusUnauthorized)
		case r.URL.EscapedPath() != "/status/messages/m-1":
			http.Error(w, "nothing is remembered of message", http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(story))
		}
	}))
	defer server.Close()
	addr := "WORKER_ADMIN_ADDR=" + strings.TrimPrefix(server.URL, "http://")
	const token = "WORKER_ADMIN_TOKEN=hunter2"

	const want = `message m-1, an update of thing lamp
outcome: applied (the thing has its values)

2026-05-01 (times are UTC)
  12:00:00.000            received from the queue for the first time, 1.5s after it was sent
  12:00:02.500     +2.5s  applied: the thing has its values
`
	f := newFixture(addr, token)
	if code := f.run(t, "explain", "m-1"); code != 0 || f.out.String() != want {
		t.Errorf("%d %q\n%s", code, f.err.String(), f.out.String())
	}
	f = newFixture(addr, token)
	if code := f.run(t, "explain", "--json", "m-1"); code != 0 || f.out.String() != story {
		t.Errorf("as JSON: %d %s", code, f.out.String())
	}
	for _, test := range []struct {
		id, said string
		environ  []string
		code     int
	}{
		{"m-2", "nothing is remembered of message (HTTP 404)", []string{addr, token}, 1},
		{"../../metrics", "nothing is remembered of message (HTTP 404)", []string{addr, token}, 1},
		{"m-1", "set WORKER_ADMIN_TOKEN", []string{addr}, 1},
		{"m-1", "does not answer", []string{"WORKER_ADMIN_ADDR=127.0.0.1:1"}, 1},
		{"m-1", "WORKER_ADMIN_ADDR is empty", []string{"WORKER_ADMIN_ADDR="}, 2},
	} {
		f := newFixture(test.environ...)
		if code := f.run(t, "explain", test.id); code != test.code || !strings.Contains(f.err.String(), test.said) || f.out.Len() > 0 {
			t.Errorf("%s with %v: %d %q %q", test.id, test.environ, code, f.err.String(), f.out.String())
		}
	}
}
