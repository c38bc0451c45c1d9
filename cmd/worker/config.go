package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/config"
)

func (w world) configCommand() *cobra.Command {
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
		w.warn()
		c, err := config.Load(w.getenv, set())
		if err != nil {
			return err
		}
		if *asJSON {
			return w.printJSON(c)
		}
		table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
		for _, v := range c.InForce() {
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

func (w world) printJSON(c config.Config) error {
	type value struct {
		Name   string        `json:"name"`
		Value  string        `json:"value"`
		Source config.Source `json:"source"`
	}
	var values []value
	for _, v := range c.InForce() {
		values = append(values, value{v.Setting.Name, v.Text, v.Source})
	}
	return w.encode(values)
}
