package awshttp_test

import (
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"managed-thing-updater/internal/awshttp"
)

func TestConnectionsAreKeptForAllCallers(t *testing.T) {
	const callers = 32
	var mu sync.Mutex
	opened := 0
	var together sync.WaitGroup // all calls of a round are under way at once
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			opened++
			mu.Unlock()
		}
	}
	s.Start()
	defer s.Close()
	client := awshttp.New(awshttp.Options{Connections: callers})
	defer client.CloseIdleConnections()
	for range 5 {
		together.Add(callers)
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL, strings.NewReader("x"))
				answer, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			})
		}
		wg.Wait()
	}
	mu.Lock()
	defer mu.Unlock()
	// A connection may come back a moment after its answer was read.
	if opened > callers*3/2 {
		t.Errorf("%d connections for 5 rounds of %d calls", opened, callers)
	}
}

func TestNoAnswerInTimeIsATimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	client := awshttp.New(awshttp.Options{HeaderTimeout: 20 * time.Millisecond})
	r, _ := http.NewRequest(http.MethodGet, s.URL, nil)
	_, err := client.Do(r)
	if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
		t.Errorf("error %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("%d was followed", status)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		r, _ := http.NewRequest(http.MethodPut, s.URL, strings.NewReader("x"))
		answer, err := awshttp.New(awshttp.Options{}).Do(r)
		if err != nil || answer.StatusCode != status {
			t.Errorf("%d: answer %v, error %v", status, answer, err)
		}
		s.Close()
	}
}

func TestForConfigKeepsTheAuthoritiesThatConfigTrusts(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer s.Close()
	trusting := sdkhttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.TLSClientConfig.RootCAs = x509.NewCertPool()
		tr.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	})
	for _, c := range []struct {
		cfg aws.Config
		ok  bool
	}{{aws.Config{HTTPClient: trusting}, true}, {aws.Config{}, false}} {
		client := awshttp.ForConfig(c.cfg, awshttp.Options{Connections: 2})
		r, _ := http.NewRequest(http.MethodGet, s.URL, nil)
		answer, err := client.Do(r)
		if (err == nil) != c.ok {
			t.Errorf("want success %v: error %v", c.ok, err)
		}
		if err == nil {
			answer.Body.Close()
		}
		client.CloseIdleConnections()
	}
}
