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
		Read: func() Reading {
			return Reading{Status: map[string]string{"state": "receiving"}, Hot: func() any { return []string{"lamp"} }, Calls: int(calls.Load()), Rate: 10}
		},
	})
	server := httptest.NewServer(http.HandlerFunc(f.Stream))
	defer server.Close()
	defer f.Close()
	f.Look()
	calls.Store(5)
	f.Look()

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
	f.Look()
	var now struct {
		Point  []*float64
		Status map[string]string
		Hot    []string
	}
	if event := s.next(&now); event != "now" || now.Status["state"] != "receiving" || now.Hot[0] != "lamp" || len(now.Point) != len(hello.Columns) {
		t.Errorf("%s: %+v", event, now)
	}
	f.Close()
	if event := s.next(&struct{}{}); event != "bye" {
		t.Errorf("at the end: %s", event)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	f := New(Options{Read: func() Reading { return Reading{} }})
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
	f := New(Options{Read: func() Reading { return Reading{} }})
	_, slow, ok := f.subscribe()
	if !ok {
		t.Fatal("no stream")
	}
	for range 100 {
		f.Look()
	}
	if n := len(slow); n != cap(slow) {
		t.Errorf("%d events kept for it", n)
	}
	if n := len(f.points.all()); n != 100 {
		t.Errorf("%d points", n)
	}
}

func TestFifteenMinutesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total := 0
		f := New(Options{Read: func() Reading { total += 7; return Reading{Received: total} }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		points := f.points.all()
		if len(points) != historyLength {
			t.Fatalf("%d points", len(points))
		}
		for i, p := range points {
			if p[5] != 7 || i > 0 && math.Abs(p[0]-points[i-1][0]-1) > 0.01 {
				t.Fatalf("point %d: %v after %v", i, p, points[max(0, i-1)])
			}
		}
		if cap(f.points.points) > 2*historyLength {
			t.Errorf("room for %d points", cap(f.points.points))
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
