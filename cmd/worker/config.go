package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/config"
)

func (c cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "show the settings in force, and where each came from",
		Long: `Shows the settings that worker run would use with the same environment and
flags, and where each came from. The admin token is not shown.`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "as a JSON array")
	set := addSettings(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		c.warn()
		cfg, err := config.Load(c.getenv, set())
		if err != nil {
			return err
		}
		if *asJSON {
			return c.printJSON(cfg)
		}
		table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		for _, v := range cfg.InForce() {
			text := v.Text
			if text == "" {
				text = "-"
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", v.Setting.Name, text, v.Source)
		}
		return table.Flush()
	}
	return cmd
}

func (c cli) printJSON(cfg config.Config) error {
	type value struct {
		Name   string        `json:"name"`
		Value  string        `json:"value"`
		Source config.Source `json:"source"`
	}
	var values []value
	for _, v := range cfg.InForce() {
		values = append(values, value{v.Setting.Name, v.Text, v.Source})
	}
	return c.encode(values)
}
