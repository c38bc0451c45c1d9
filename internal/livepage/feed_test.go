package livepage

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
)

// stream is a reader of a feed's events.
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	closed func()
}

func open(t *testing.T, url string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, lines: bufio.NewScanner(response.Body), closed: func() { cancel(); _ = response.Body.Close() }}
	s.lines.Buffer(nil, 1<<20)
	t.Cleanup(s.closed)
	return s
}

// next is the next event, and its data taken apart.
func (s *stream) next(into any) (event string) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "event":
			event = value
		case "data":
			if err := json.Unmarshal([]byte(value), into); err != nil {
				s.t.Fatalf("%s: %v in %q", event, err, value)
			}
		case "":
			return event
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return ""
}

func TestAStreamBeginsWithWhatWasAndGoesOn(t *testing.T) {
	var calls atomic.Int64
	f := New(Options{
		Started: time.Unix(1000, 0).UTC(), Version: "v1", Name: "worker-1",
		Read: func() status.Status {
			return status.Status{State: status.Receiving, Calls: status.CallStatus{ByResult: map[string]int{"ok": int(calls.Load())}}}
		},
		Hot: func() []status.HotThing { return []status.HotThing{{Thing: "lamp"}} },
	})
	server := httptest.NewServer(http.HandlerFunc(f.Stream))
	defer server.Close()
	defer f.Close()
	f.Sample()
	calls.Store(5)
	f.Sample()

	s := open(t, server.URL)
	var hello struct {
		Started, Version, Name, Page string
		Columns                      []string
		Points                       [][]*float64
	}
	if event := s.next(&hello); event != "hello" || hello.Started != "1970-01-01T00:16:40Z" || hello.Name != "worker-1" || len(hello.Points) != 2 || len(hello.Page) < 8 {
		t.Fatalf("%s: %+v", event, hello)
	}
	if len(hello.Columns) != len(point{}) || len(hello.Points[1]) != len(hello.Columns) || hello.Columns[2] != "calls" || *hello.Points[1][2] <= 0 {
		t.Errorf("columns %q, point %v", hello.Columns, hello.Points[1])
	}
	if hello.Points[1][13] != nil {
		t.Errorf("a latency of %v without a call", *hello.Points[1][13])
	}
	f.Sample()
	var now struct {
		Point  []*float64
		Status status.Status
		Hot    []status.HotThing
	}
	if event := s.next(&now); event != "now" || now.Status.State != status.Receiving || now.Hot[0].Thing != "lamp" || len(now.Point) != len(hello.Columns) {
		t.Errorf("%s: %+v", event, now)
	}
	f.Close()
	if event := s.next(&struct{}{}); event != "bye" {
		t.Errorf("at the end: %s", event)
	}
}

// nothing is what a worker shows that does nothing.
var nothing = Options{
	Read: func() status.Status { return status.Status{} },
	Hot:  func() []status.HotThing { return nil },
}

func TestAPointIsWhatCameToTheStatus(t *testing.T) {
	before := status.Status{
		Messages: status.MessageStatus{Received: 100, Outcomes: map[string]int{"applied": 10}},
		Calls:    status.CallStatus{ByResult: map[string]int{"ok": 10, "throttled": 1}},
	}
	is := status.Status{
		State: status.Receiving,
		Messages: status.MessageStatus{Received: 120, Held: 3, Outcomes: map[string]int{
			"applied": 14, "superseded": 2, "superseded_unsure": 4, "duplicate": 6, "unchanged": 8, "dead_lettered": 10, "released": 12,
		}},
		Calls:   status.CallStatus{ByResult: map[string]int{"ok": 20, "throttled": 5, "denied": 6, "timeout": 2}},
		Pace:    status.PaceStatus{Rate: 9.5},
		Backlog: status.BacklogStatus{Things: 2, OldestSeconds: 7},
	}
	at, latency := time.Unix(1000, 0), []telemetry.Bucket{{UpTo: 0.1, Count: 10}}
	want := point{1000, 9.5, 11, 2, 4, 10, 2, 3, 7, 5, 3, 2, 7, 50, 95, notHeldBack}
	if got := newPoint(before, is, at, 2*time.Second, latency); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := newPoint(is, before, at, time.Second, latency); got[2] != 0 || got[5] != 0 {
		t.Errorf("counts that fall are shown as %v", got)
	}
	is.Circuit.Open = true
	if got := newPoint(before, is, at, time.Second, nil); got[15] != circuitOpen {
		t.Errorf("with an open circuit: %v", got[15])
	}
	is.State = status.Paused
	if got := newPoint(before, is, at, time.Second, nil); got[15] != isPaused {
		t.Errorf("paused: %v", got[15])
	}
}

func TestStreamsAreBounded(t *testing.T) {
	f := New(nothing)
	server := httptest.NewServer(http.HandlerFunc(f.Stream))
	defer server.Close()
	defer f.Close()
	var streams []*stream
	for range maxStreams {
		s := open(t, server.URL)
		s.next(&struct{}{})
		streams = append(streams, s)
	}
	refused, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more: %s", refused.Status)
	}
	streams[0].closed()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		n := len(f.streams)
		f.mu.Unlock()
		if n == maxStreams-1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d streams after one has gone", n)
		}
	}
}

// A page that does not read what it is sent keeps nobody waiting.
func TestASlowReaderMissesSecondsOnly(t *testing.T) {
	f := New(nothing)
	_, slow, ok := f.subscribe()
	if !ok {
		t.Fatal("no stream")
	}
	for range 100 {
		f.Sample()
	}
	if n := len(slow); n != cap(slow) {
		t.Errorf("%d events kept for it", n)
	}
	if n := len(f.points); n != 100 {
		t.Errorf("%d points", n)
	}
}

func TestFifteenMinutesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total := 0
		f := New(Options{Read: func() status.Status {
			total += 7
			return status.Status{Messages: status.MessageStatus{Received: total}}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		points := f.points
		if len(points) != historyLength {
			t.Fatalf("%d points", len(points))
		}
		for i, p := range points {
			if p[5] != 7 || i > 0 && math.Abs(p[0]-points[i-1][0]-1) > 0.01 {
				t.Fatalf("point %d: %v after %v", i, p, points[max(0, i-1)])
			}
		}
		if cap(f.points) > 2*historyLength {
			t.Errorf("room for %d points", cap(f.points))
		}
	})
}

func TestQuantile(t *testing.T) {
	of := func(counts ...uint64) []telemetry.Bucket {
		bounds := []float64{0.01, 0.1, 1, math.Inf(1)}
		var all []telemetry.Bucket
		for i, n := range counts {
			all = append(all, telemetry.Bucket{UpTo: bounds[i], Count: n})
		}
		return all
	}
	for _, test := range []struct {
		name    string
		q, want float64
		buckets []telemetry.Bucket
	}{
		{"none", 0.5, math.NaN(), nil},
		{"no call", 0.5, math.NaN(), of(0, 0, 0, 0)},
		{"in the middle of a bucket", 0.5, 0.055, of(0, 10, 10, 10)},
		{"at its end", 1, 0.1, of(0, 10, 10, 10)},
		{"in the first", 0.5, 0.005, of(10, 10, 10, 10)},
		{"beyond the last bound", 0.99, 1, of(0, 0, 0, 10)},
	} {
		if got := quantile(test.q, test.buckets); got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) && math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", test.name, got, test.want)
		}
	}
}

// The latency of a second is that of the seconds right before it, not of all time.
func TestLatencyForgets(t *testing.T) {
	var l latencies
	bucket := func(fast, slow uint64) []telemetry.Bucket {
		return []telemetry.Bucket{{UpTo: 0.1, Count: fast}, {UpTo: 1, Count: fast + slow}}
	}
	var since []telemetry.Bucket
	for n := range 100 {
		since = l.add(bucket(uint64(n)*10, 0))
	}
	if since[1].Count != 10*latencyWindow {
		t.Errorf("%d calls in the window", since[1].Count)
	}
	for n := range 2 * latencyWindow {
		since = l.add(bucket(990, uint64(n)*10))
	}
	if got := quantile(0.5, since); got < 0.1 || since[0].Count != 0 {
		t.Errorf("median %g after nothing but slow calls, %v", got, since)
	}
}

func TestFiles(t *testing.T) {
	for path, want := range map[string]int{"main.js": 200, "uplot/uPlot.min.css": 200, "uplot/LICENSE": 200, "index.html": 404, "login.html": 404, "uplot": 404, "": 404, "none.js": 404, "../feed.go": 404} {
		r := httptest.NewRequest(http.MethodGet, "/live/x", nil)
		r.SetPathValue("file", path)
		w := httptest.NewRecorder()
		File(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", path, w.Code, want)
		}
	}
}
