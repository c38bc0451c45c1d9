package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/config"
)

// healthPatience is how long a healthy worker may take to answer.
const healthPatience = 5 * time.Second

func (w world) healthCommand() *cobra.Command {
	const setting = "WORKER_ADMIN_ADDR"
	cmd := &cobra.Command{
		Use:   "health",
		Short: "ask a running worker whether it makes progress",
		Long:  "Asks /healthz of the worker that listens on " + setting + ". Exit code 0: it makes progress; 1: it does not, or does not answer.",
		Args:  cobra.NoArgs,
	}
	set := addSettings(cmd.Flags(), setting)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		// The other settings are the running worker's affair.
		c, err := config.Load(w.getenv, set())
		if e, ok := errors.AsType[*config.Error](err); ok {
			if err := e.Only(setting); err != nil {
				return err
			}
		}
		if c.AdminAddr == "" {
			return errors.New(setting + " is empty: the worker serves no health")
		}
		answer, err := askHealth(cmd.Context(), c.AdminAddr)
		if err != nil {
			return found{err}
		}
		_, err = fmt.Fprintln(w.stdout, answer)
		return err
	}
	return cmd
}

// askHealth returns what a healthy worker answers, and an error for anything else.
func askHealth(ctx context.Context, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(addr)+"/healthz", nil)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it asks this machine
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return "", fmt.Errorf("the worker does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return "", fmt.Errorf("the worker's answer broke off: %w", err)
	}
	answer := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the worker is not well: %s (HTTP %d)", answer, response.StatusCode)
	}
	return answer, nil
}

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
