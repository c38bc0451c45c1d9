package livepage

import (
	"net/http"
	"time"
)

// patience is how long one event may take to be written: a page that does not read
// must not keep a stream for ever.
const patience = 10 * time.Second

// Stream sends the events until the reader goes or the feed is closed. The server's
// own time-outs do not hold for it.
func (f *Feed) Stream(w http.ResponseWriter, r *http.Request) {
	hello, events, ok := f.subscribe()
	if !ok {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "no more streams for now: the worker stops, or too many pages are open", http.StatusServiceUnavailable)
		return
	}
	defer f.unsubscribe(events)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the events back
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // if that cannot be done the stream ends sooner, and the page comes back
	send := func(event []byte) error {
		_ = out.SetWriteDeadline(time.Now().Add(patience))
		if _, err := w.Write(event); err != nil {
			return err
		}
		return out.Flush()
	}
	if send(hello) != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-f.ended:
			_ = send([]byte("event: bye\ndata: {}\n\n"))
			return
		case event := <-events:
			if send(event) != nil {
				return
			}
		}
	}
}
