package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/doctor"
)

func (c cli) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "find what is wrong with queues, permissions and settings",
		Long: `Finds what is wrong with the settings, credentials, queues, permissions, clock
and endpoints that worker run would use, each with why it matters and what to do
about it. It changes nothing, and costs one call of the API's quota.

Exit code 0: nothing is wrong; 1: something is, or may become so.

With --probe THING it finds out instead, on a thing made for it, whether the API
merges MetaData by key or replaces it whole. That changes one value of the thing
for some seconds.`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "as a JSON object")
	thing := cmd.Flags().String("probe", "", "find out on this `THING` whether the API merges MetaData or replaces it")
	yes := cmd.Flags().Bool("yes", false, "with --probe: do not ask first")
	set := addSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c.warn()
		ctx, release := stopOnSignal(cmd.Context(), c.signals, func(again os.Signal) {
			c.complain("%s came again: stopping at once", signalName(again))
			c.exit(exitFound)
		})
		defer release()
		cfg, err := config.Load(c.getenv, set())
		if cmd.Flags().Changed("probe") {
			if e, ok := errors.AsType[*config.Error](err); ok {
				err = e.Only("WORKER_CALL_TIMEOUT") // the others do not matter here
			}
			if err != nil {
				return err
			}
			return c.runProbe(ctx, cfg, *thing, *yes, *asJSON)
		}
		if err != nil {
			return err
		}
		return c.runDoctor(ctx, cfg, *asJSON)
	}
	return cmd
}

func (c cli) runDoctor(ctx context.Context, cfg config.Config, asJSON bool) error {
	report, err := c.examine(ctx, cfg)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return exitError{context.Cause(ctx)} // what was cut short says nothing
	}
	write := report.Text
	if asJSON {
		write = report.JSON
	}
	if err := write(c.stdout); err != nil {
		return exitError{err}
	}
	if len(report.Problems()) > 0 {
		return exitError{}
	}
	return nil
}

func (c cli) runProbe(ctx context.Context, cfg config.Config, thing string, yes, asJSON bool) error {
	switch {
	case thing == "":
		return errors.New("--probe: it needs the Identifier of a thing")
	case !yes && !c.interactive:
		return errors.New("--probe changes a value of the thing for some seconds, and there is nobody to ask: add --yes")
	}
	c.outlive() // the thing is put right again at the end
	say := func(text string) { _, _ = fmt.Fprintln(c.stderr, text) }
	semantics, err := c.probe(ctx, cfg, doctor.ProbeOptions{
		Thing: thing, Say: say,
		Confirm: func(plan string) bool {
			say(plan)
			return yes || c.confirmed(ctx)
		},
	})
	if _, ok := errors.AsType[*app.SetupError](err); ok {
		return err
	}
	if err != nil {
		return exitError{err}
	}
	if asJSON {
		return json.NewEncoder(c.stdout).Encode(map[string]string{"thing": thing, "semantics": semantics})
	}
	how := "replaces MetaData whole: what an update leaves out is gone"
	if semantics == config.SemanticsMerge {
		how = "merges MetaData by key: what an update leaves out stays"
	}
	_, err = fmt.Fprintf(c.stdout, `The API %s. Thing %s is as it was.
Set WORKER_MEMBER_SEMANTICS=%s, if the API does the same with
WiFiSimpleSetupConfiguration and CapabilitySchemas, which was not looked at: where
updates set those, "unknown" stays the safe choice.
`, how, thing, semantics)
	return err
}

// confirmed asks on the terminal. The goroutine that reads ends with the answer, or
// with the process.
func (c cli) confirmed(ctx context.Context) bool {
	_, _ = fmt.Fprint(c.stderr, "Go on? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case text := <-answer:
		return text == "y" || text == "yes"
	case <-ctx.Done():
		return false
	}
}
