package localcloud

import (
	"net/http"
	"time"
)

// now is the time by the clock that the cloud shows.
func (c *Cloud) now() time.Time { return time.Now().Add(c.opts.ClockAhead) }

// shown is a moment of ours by the clock that the cloud shows.
func (c *Cloud) shown(t time.Time) time.Time { return t.Add(c.opts.ClockAhead) }

// dated gives an answer the cloud's Date.
type dated struct {
	http.ResponseWriter
	cloud *Cloud
}

func (w dated) WriteHeader(status int) {
	w.date()
	w.ResponseWriter.WriteHeader(status)
}

func (w dated) Write(p []byte) (int, error) {
	w.date()
	return w.ResponseWriter.Write(p)
}

func (w dated) date() { w.Header().Set("Date", w.cloud.now().UTC().Format(http.TimeFormat)) }
