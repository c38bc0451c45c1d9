package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func (c cli) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "ask a running worker whether it makes progress",
		Long:  "Asks /healthz of the worker that listens on " + adminAddr + ". Exit code 0: it makes progress; 1: it does not, or does not answer.",
		Args:  cobra.NoArgs,
	}
	find := c.findRunning(cmd, adminAddr)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		worker, err := find()
		if err != nil {
			return err
		}
		answer, err := worker.health(cmd.Context())
		if err != nil {
			return exitError{err}
		}
		_, err = fmt.Fprintln(c.stdout, answer)
		return err
	}
	return cmd
}

// health returns what a healthy worker answers, and an error for anything else.
func (r running) health(ctx context.Context) (string, error) {
	status, body, err := r.ask(ctx, "/healthz")
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("the worker is not well: %s (HTTP %d)", said(body), status)
	}
	return said(body), nil
}
