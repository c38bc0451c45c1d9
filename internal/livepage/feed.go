package livepage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"managed-thing-updater/internal/status"
)

// Options of a Feed.
type Options struct {
	// Read looks at the worker. Called once a second and by Sample.
	Read func() status.Status
	// Hot are the things that most messages wait for. Called while a page is open.
	Hot      func() []status.HotThing
	Started  time.Time // of the worker: the page tells a restart by it
	Version  string    // of the worker
	Name     string    // of the worker: another one may answer after a break
	Controls bool      // the page may pause, resume and set the level of the log
}

// Feed keeps the points and hands out each second's. Safe for use by many
// goroutines.
type Feed struct {
	o     Options
	ended chan struct{} // closed by Close

	mu      sync.Mutex
	before  status.Status
	at      time.Time // of before
	calls   latencies
	points  []point // oldest first, at most historyLength
	streams map[chan []byte]struct{}
	closed  bool
}

// every is how often the worker is looked at.
const every = time.Second

// New makes a Feed without points.
func New(o Options) *Feed {
	return &Feed{o: o, ended: make(chan struct{}), at: time.Now(), points: []point{}, streams: make(map[chan []byte]struct{})}
}

// Run looks at the worker once a second until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.Sample()
		}
	}
}

// Close ends the streams; none starts any more. It may be called again.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.ended)
	}
}

// Sample looks at the worker now, keeps its point, and hands it to the streams: for a change
// that should be seen even if the next second never comes.
func (f *Feed) Sample() {
	is, now := f.o.Read(), time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	p := newPoint(f.before, is, now, now.Sub(f.at), f.calls.add(is.Latency))
	f.before, f.at = is, now
	f.points = append(f.points, p)
	if len(f.points) > historyLength {
		f.points = slices.Delete(f.points, 0, 1)
	}
	if len(f.streams) == 0 {
		return
	}
	event, err := f.now(p, is)
	if err != nil {
		event = fmt.Appendf(nil, "event: fault\ndata: %q\n\n", err.Error())
	}
	for to := range f.streams {
		select {
		case to <- event:
		default: // a reader that is slow misses a second
		}
	}
}

func (f *Feed) now(p point, is status.Status) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"point": p, "status": is, "hot": f.o.Hot()})
	return fmt.Appendf(nil, "event: now\ndata: %s\n\n", body), err
}

// hello is the first event of a stream.
func (f *Feed) hello() []byte {
	body, _ := json.Marshal(map[string]any{ // strings, numbers, a bool and a time: always JSON
		"started": f.o.Started, "version": f.o.Version, "name": f.o.Name, "page": digest, "controls": f.o.Controls,
		"columns": columns, "points": f.points,
	})
	return fmt.Appendf(nil, "event: hello\nretry: 2000\ndata: %s\n\n", body)
}

// maxStreams bounds the pages that are open at once.
const maxStreams = 32

// subscribe returns the hello event and where each second's comes; ok is false if
// there are too many streams, or the feed is closed.
func (f *Feed) subscribe() (hello []byte, events chan []byte, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.streams) >= maxStreams {
		return nil, nil, false
	}
	events = make(chan []byte, 2)
	f.streams[events] = struct{}{}
	return f.hello(), events, true
}

func (f *Feed) unsubscribe(events chan []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.streams, events)
}
