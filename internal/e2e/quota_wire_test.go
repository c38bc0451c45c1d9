package e2e

import (
	"net/http"
	"sync"
	"time"
)

// wire is the way of one worker's requests to the cloud. It remembers the calls
// that the API answered 204, which the cloud's own record does not tell apart by
// worker.
type wire struct {
	to http.RoundTripper

	mu sync.Mutex
	ok []time.Time
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.to.RoundTrip(r)
	if err == nil && r.Method == http.MethodPut && resp.StatusCode == http.StatusNoContent {
		w.mu.Lock()
		w.ok = append(w.ok, time.Now())
		w.mu.Unlock()
	}
	return resp, err
}

func (w *wire) succeeded(from, to time.Time) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, at := range w.ok {
		if at.After(from) && !at.After(to) {
			n++
		}
	}
	return float64(n)
}
