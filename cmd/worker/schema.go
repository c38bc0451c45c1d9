package main

import (
	"github.com/spf13/cobra"

	"managed-thing-updater/internal/message"
)

func (c cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of a message, for producers",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(message.Schema())
			return err
		},
	}
}
