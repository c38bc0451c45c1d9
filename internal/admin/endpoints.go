package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"managed-thing-updater/internal/livepage"
)

func handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if ok, stale := o.Health.Check(); !ok {
			text(w, http.StatusServiceUnavailable, "no progress: "+strings.Join(stale, ", "))
			return
		}
		text(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		ok, reason := o.Ready()
		if !ok {
			text(w, http.StatusServiceUnavailable, "not ready: "+reason)
			return
		}
		text(w, http.StatusOK, cmp.Or(reason, "ready"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
		Registry: nil, // a scrape changes nothing that a scrape shows
		// A scraper that is slow or many must not pile up work.
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	}))

	auth := tokenAuth{o.Token}
	private := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, auth.guard(h)) }
	private("GET /status", func(w http.ResponseWriter, _ *http.Request) { status(w, o.Status()) })
	if o.Stories != nil {
		messages(private, o.Stories)
	}
	private("GET /{$}", livepage.Page)
	private("GET /live/events", o.Live.Stream)
	private("GET /live/{file...}", livepage.File)
	if o.Token != "" {
		mux.HandleFunc("GET /login", auth.form)
		mux.Handle("POST /login", http.NewCrossOriginProtection().Handler(http.HandlerFunc(auth.login)))
		mux.Handle("POST /logout", http.NewCrossOriginProtection().Handler(http.HandlerFunc(auth.logout)))
		controls(mux, auth, o)
		private("GET /debug/pprof/", pprof.Index)
		private("GET /debug/pprof/cmdline", pprof.Cmdline)
		private("GET /debug/pprof/profile", pprof.Profile)
		private("GET /debug/pprof/symbol", pprof.Symbol)
		private("GET /debug/pprof/trace", pprof.Trace)
	}
	var guarded http.Handler = mux
	if o.Token == "" {
		guarded = byKnownName(o.Hosts, mux)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		guarded.ServeHTTP(w, r)
	})
}

// headers are those of every answer: nothing is kept, embedded elsewhere or taken for
// what it is not. The page loosens the policy as far as it must.
var headers = map[string]string{
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

func status(w http.ResponseWriter, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		text(w, http.StatusInternalServerError, "the status cannot be written as JSON: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

func text(w http.ResponseWriter, code int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, s)
}
