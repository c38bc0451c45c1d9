// Package admin is the worker's HTTP side: health, readiness, metrics, status, the
// live page, and what an operator may change.
//
//	/healthz       200 while the loops make progress, 503 with the names of those that do not
//	/readyz        200 while receiving, 503 with the reason
//	/metrics       Prometheus
//	/status        JSON
//	/status/messages, /status/messages/{id}   what happened to messages, JSON
//	/              the live page; its files and events are below /live/
//
// Without a token all but the first three answer only to known names, see Options.Hosts.
// If a token is set, all but the first three ask for it, and only then there are
//
//	/login, /logout       the form that turns the token into a browser's cookie
//	/control/pause        POST: nothing starts any more
//	/control/resume       POST
//	/control/log-level    POST {"level":"debug"}
//	/debug/pprof/         profiles
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"managed-thing-updater/internal/livepage"
	"managed-thing-updater/internal/telemetry"
)

// Options is what the server shows, and to whom.
type Options struct {
	Addr  string // host:port; port 0 takes a free one; empty: no server at all
	Token string // empty: none is asked for, and nothing can be changed
	// Hosts are the names by which the server may be asked without a token, besides
	// localhost and IP addresses. With a token every name is good.
	Hosts  []string
	Health *telemetry.Health
	// Ready reports whether the worker receives, and if not, why. If it does, reason is
	// what else there is to say, or empty. It is called by many goroutines.
	Ready func() (ok bool, reason string)
	// Status gives what /status shows as JSON. It is called by many goroutines,
	// and must hold no sensitive value and no credential.
	Status   func() any
	Stories  Stories        // of messages; nil: there are none
	Live     *livepage.Feed // of the page; closed when the server closes
	Control  Control        // asked only if there is a token
	Level    zap.AtomicLevel
	Registry *prometheus.Registry
	Log      *zap.Logger
}

// Server serves the endpoints from Start to Close.
type Server struct {
	addr   string
	log    *zap.Logger
	http   *http.Server
	served chan struct{} // closed when the goroutine that serves has ended; nil before Start
}

// profileRoom is how long an answer may take: a CPU profile takes 30 s unless
// asked otherwise.
const profileRoom = 2 * time.Minute

// New makes a server that does not listen yet.
func New(o Options) *Server {
	complaints, err := zap.NewStdLogAt(o.Log.Named("admin"), zap.WarnLevel)
	if err != nil {
		complaints = nil // unreachable: zap.WarnLevel is a level
	}
	s := &Server{
		addr: o.Addr,
		log:  o.Log,
		http: &http.Server{
			Handler:           handler(o),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      profileRoom,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          complaints,
		},
	}
	if o.Live != nil {
		s.http.RegisterOnShutdown(o.Live.Close) // its streams would be waited for
	}
	return s
}

// Start listens and then serves in the background. It returns the address it
// listens on; empty, and no error, if the server is switched off.
func (s *Server) Start() (addr string, err error) {
	if s.addr == "" {
		return "", nil
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return "", fmt.Errorf("the admin server cannot listen on WORKER_ADMIN_ADDR %q (choose a free address, or set it empty to go without): %w", s.addr, err)
	}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the admin server stopped; health and metrics are not served", zap.Error(err))
		}
	}()
	return listener.Addr().String(), nil
}

// Close stops listening, lets the requests under way finish until ctx ends, and
// then cuts them. It waits for the server's goroutine. Closing a server that
// was never started does nothing.
func (s *Server) Close(ctx context.Context) error {
	if s.served == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(context.Cause(ctx), s.http.Close())
	}
	<-s.served
	return err
}
