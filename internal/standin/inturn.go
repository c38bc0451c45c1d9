package standin

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// InTurn returns the URL of a server that passes one request at a time on to
// another, until the end of the test. Moto needs it if writes must be atomic: it
// takes no lock between a condition and the write, so that two of two can succeed.
func InTurn(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(u)
	next.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) } // says nothing on stderr
	var turn sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}
