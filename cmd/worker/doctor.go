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

func (w world) doctorCommand() *cobra.Command {
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
		w.warn()
		ctx, release := stopOnSignal(cmd.Context(), w.signals, func(again os.Signal) {
			w.complain("%s came again: stopping at once", signalName(again))
			w.exit(exitFound)
		})
		defer release()
		c, err := config.Load(w.getenv, set())
		if cmd.Flags().Changed("probe") {
			if e, ok := errors.AsType[*config.Error](err); ok {
				err = e.Only("WORKER_CALL_TIMEOUT") // the others do not matter here
			}
			if err != nil {
				return err
			}
			return w.runProbe(ctx, c, *thing, *yes, *asJSON)
		}
		if err != nil {
			return err
		}
		return w.runDoctor(ctx, c, *asJSON)
	}
	return cmd
}

func (w world) runDoctor(ctx context.Context, c config.Config, asJSON bool) error {
	report, err := w.examine(ctx, c)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return found{context.Cause(ctx)} // what was cut short says nothing
	}
	write := report.Text
	if asJSON {
		write = report.JSON
	}
	if err := write(w.stdout); err != nil {
		return found{err}
	}
	if len(report.Problems()) > 0 {
		return found{}
	}
	return nil
}

func (w world) runProbe(ctx context.Context, c config.Config, thing string, yes, asJSON bool) error {
	switch {
	case thing == "":
		return errors.New("--probe: it needs the Identifier of a thing")
	case !yes && !w.interactive:
		return errors.New("--probe changes a value of the thing for some seconds, and there is nobody to ask: add --yes")
	}
	w.outlive() // the thing is put right again at the end
	say := func(text string) { _, _ = fmt.Fprintln(w.stderr, text) }
	semantics, err := w.probe(ctx, c, doctor.ProbeOptions{
		Thing: thing, Say: say,
		Confirm: func(plan string) bool {
			say(plan)
			return yes || w.confirmed(ctx)
		},
	})
	if _, ok := errors.AsType[*app.SetupError](err); ok {
		return err
	}
	if err != nil {
		return found{err}
	}
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(map[string]string{"thing": thing, "semantics": semantics})
	}
	how := "replaces MetaData whole: what an update leaves out is gone"
	if semantics == config.SemanticsMerge {
		how = "merges MetaData by key: what an update leaves out stays"
	}
	_, err = fmt.Fprintf(w.stdout, `The API %s. Thing %s is as it was.
Set WORKER_MEMBER_SEMANTICS=%s, if the API does the same with
WiFiSimpleSetupConfiguration and CapabilitySchemas, which was not looked at: where
updates set those, "unknown" stays the safe choice.
`, how, thing, semantics)
	return err
}

// confirmed asks on the terminal. The goroutine that reads ends with the answer, or
// with the process.
func (w world) confirmed(ctx context.Context) bool {
	_, _ = fmt.Fprint(w.stderr, "Go on? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(w.stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case text := <-answer:
		return text == "y" || text == "yes"
	case <-ctx.Done():
		return false
	}
}
