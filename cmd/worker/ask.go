package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/printable"
)

const (
	adminAddr  = "WORKER_ADMIN_ADDR"
	adminToken = "WORKER_ADMIN_TOKEN"

	// patience is how long a worker may take to answer.
	patience  = 5 * time.Second
	maxAnswer = 1 << 20
)

// running is a worker on this machine, or wherever WORKER_ADMIN_ADDR says.
type running struct{ addr, token string }

// findRunning makes the flags of the admin side's settings that are named, and a
// function that reads them. The other settings are the running worker's affair.
func (c cli) findRunning(cmd *cobra.Command, settings ...string) func() (running, error) {
	set := addSettings(cmd.Flags(), settings...)
	return func() (running, error) {
		cfg, err := config.Load(c.getenv, set())
		if e, ok := errors.AsType[*config.Error](err); ok {
			for _, setting := range settings {
				if err := e.Only(setting); err != nil {
					return running{}, err
				}
			}
		}
		if cfg.AdminAddr == "" {
			return running{}, errors.New(adminAddr + " is empty: the worker serves nothing that could be asked")
		}
		return running{cfg.AdminAddr, cfg.AdminToken}, nil
	}
}

// ask gets a path of the worker's admin side and returns the status and the body.
func (r running) ask(ctx context.Context, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(r.addr)+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it asks this machine
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("the worker does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, fmt.Errorf("the worker's answer broke off: %w", err)
	}
	return response.StatusCode, body, nil
}

// said is an answer's body as a text of one line.
func said(body []byte) string { return printable.Error(string(body)) }

// reachable turns an address to listen on into one to call: "every address" is
// this machine.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	switch ip := net.ParseIP(host); {
	case host == "" || ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
