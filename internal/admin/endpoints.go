package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
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
		if ok, reason := o.Ready(); !ok {
			text(w, http.StatusServiceUnavailable, "not ready: "+reason)
			return
		}
		text(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
		Registry: nil, // a scrape changes nothing that a scrape shows
		// A scraper that is slow or many must not pile up work.
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	}))

	private := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, guard(o.Token, h)) }
	private("GET /status", func(w http.ResponseWriter, _ *http.Request) { status(w, o.Status()) })
	private("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, index(o.Token != "")) })
	if o.Token != "" {
		private("GET /debug/pprof/", pprof.Index)
		private("GET /debug/pprof/cmdline", pprof.Cmdline)
		private("GET /debug/pprof/profile", pprof.Profile)
		private("GET /debug/pprof/symbol", pprof.Symbol)
		private("GET /debug/pprof/trace", pprof.Trace)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// guard lets through who brings the token; everybody where there is none.
func guard(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		// Digests are compared, so that not even the token's length shows in the time.
		got := sha256.Sum256([]byte(strings.TrimSpace(given)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="worker"`)
			text(w, http.StatusUnauthorized, "this asks for WORKER_ADMIN_TOKEN: Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(w, r)
	})
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

func index(profiles bool) string {
	s := `managed-thing-updater

/healthz   200 while the loops make progress
/readyz    200 while receiving, 503 with the reason
/metrics   Prometheus
/status    what the worker does right now, as JSON`
	if profiles {
		s += "\n/debug/pprof/   profiles"
	}
	return s
}
