package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/printable"
)

// cli is all that the commands touch outside of themselves.
type cli struct {
	environ        []string // as os.Environ gives it
	stdin          io.Reader
	stdout, stderr io.Writer
	screen         io.Writer // stderr as it is; execute sets it
	signals        <-chan os.Signal
	exit           func(code int)   // ends the process at once
	hangups        <-chan os.Signal // SIGHUP
	outlive        func()           // lets the process go on if who reads its output goes away
	interactive    bool             // standard input is a terminal: somebody can be asked
	runApp         func(ctx context.Context, cfg config.Config, o app.Options) error
	examine        func(ctx context.Context, cfg config.Config) (doctor.Report, error)
	probe          func(ctx context.Context, cfg config.Config, o doctor.ProbeOptions) (semantics string, err error)
	findQueues     func(ctx context.Context, cfg config.Config, o app.Options, needs app.QueueNeeds) (*app.Queues, error)
}

// Exit codes.
const (
	exitDone  = 0
	exitFound = 1 // it ran and found something wrong
	exitUsage = 2 // usage or settings
)

// exitError ends a command that ran and found something wrong: exit code 1. An err of
// nil means that it is said already.
type exitError struct{ err error }

func (e exitError) Error() string { return fmt.Sprint(e.err) }
func (e exitError) Unwrap() error { return e.err }

// execute runs one command and returns the exit code. An error is one clear
// message on standard error. All that commands print is escaped once more on its
// way; what stands in a line is escaped by who writes the line.
func (c cli) execute(ctx context.Context, args []string) int {
	c.screen = c.stderr
	c.stdout, c.stderr = printable.Writer{Out: c.stdout}, printable.Writer{Out: c.stderr}
	root := c.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[exitError](err); ok {
		if e.err != nil {
			c.complain("%v", e.err)
		}
		return exitFound
	}
	if settings, ok := errors.AsType[*config.Error](err); ok {
		c.complainAtLength(settings.Error()) // a line for each setting
		return exitUsage
	}
	if setup, ok := errors.AsType[*app.SetupError](err); ok {
		c.complain("%v", setup)
		return exitUsage
	}
	// cobra lays its suggestions out over several lines.
	help := "worker help"
	if cmd != root {
		help = cmd.CommandPath() + " --help"
	}
	c.complain("%s (see %s)", strings.Join(strings.Fields(err.Error()), " "), help)
	return exitUsage
}

func (c cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "worker",
		Short: "Applies updates of managed things from an Amazon SQS queue",
		Long: `Takes updates of managed things from an Amazon SQS queue and applies them
through UpdateManagedThing of AWS IoT Managed Integrations.

Exit codes: 0 done; 1 it ran and found something wrong; 2 usage or settings.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(c.runCommand(), c.validateCommand(), c.schemaCommand(), c.configCommand(), c.doctorCommand(), c.explainCommand(), c.dlqCommand(), c.healthCommand(), c.versionCommand())
	return root
}

// helpCommand is cobra's own, but that asking for a command that is not there is
// wrong usage.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "name the commands, or say more of one",
		RunE: func(_ *cobra.Command, path []string) error {
			cmd, rest, err := root.Find(path)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return fmt.Errorf("there is no command %q", strings.Join(path, " "))
			}
			return cmd.Help()
		},
	}
}

// complain writes a line to standard error.
func (c cli) complain(format string, args ...any) {
	c.complainAtLength(printable.Error(fmt.Sprintf(format, args...)))
}

// complainAtLength is complain for text of several lines. If standard error is not
// read, it gives up after a moment: what cannot be said keeps no process from ending.
func (c cli) complainAtLength(text string) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		_, _ = fmt.Fprintf(c.stderr, "worker: %s\n", text)
	}()
	timer := time.NewTimer(complainFor)
	defer timer.Stop()
	select {
	case <-said:
	case <-timer.C:
	}
}

const complainFor = time.Second

// warn names the variables that look like settings and are none.
func (c cli) warn() {
	for _, warning := range config.Warnings(c.environ) {
		c.complain("%s", warning)
	}
}

// getenv looks a variable up; of a name that is there twice the first counts, as
// for os.LookupEnv.
func (c cli) getenv(name string) (string, bool) {
	for _, entry := range c.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}
