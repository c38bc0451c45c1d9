package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/timeline"
)

func (c cli) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain MESSAGE-ID",
		Short: "ask a running worker what happened to a message, and why",
		Long: `Asks the worker that listens on ` + adminAddr + ` what happened to a message: when it was
received, what it waited for and why, which calls carried it and how they ended, and
what became of it. MESSAGE-ID is SQS's MessageId; of a dead letter, Failure.messageId.

A worker knows the messages that it holds, the last 2,000 that ended well and the last
1,000 that did not, since it started. Exit code 1: it knows nothing of the message, or
does not answer.`,
		Args: one("MESSAGE-ID"),
	}
	asJSON := cmd.Flags().Bool("json", false, "print it as /status/messages/{id} gives it")
	find := c.findRunning(cmd, adminAddr, adminToken)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		worker, err := find()
		if err != nil {
			return err
		}
		body, err := worker.story(cmd.Context(), args[0])
		if err != nil {
			return exitError{err}
		}
		if *asJSON {
			_, err = c.stdout.Write(body)
			return err
		}
		var told timeline.Rendered
		if err := json.Unmarshal(body, &told); err != nil {
			return exitError{fmt.Errorf("the worker's answer cannot be read: %w", err)}
		}
		return told.Write(c.stdout)
	}
	return cmd
}

func (r running) story(ctx context.Context, id string) ([]byte, error) {
	status, body, err := r.ask(ctx, "/status/messages/"+url.PathEscape(id))
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusUnauthorized:
		return nil, errors.New("the worker asks for a token: set " + adminToken + " as the worker has it")
	case status != http.StatusOK:
		return nil, fmt.Errorf("%s (HTTP %d)", said(body), status)
	}
	return body, nil
}
