package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/grace"
	"managed-thing-updater/internal/telemetry"
)

func (c cli) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "take messages from the queue and apply them, until SIGTERM or SIGINT",
		Long: `Takes messages from the queue and applies them, until SIGTERM or SIGINT; then
drains and stops. A second signal stops at once. SIGHUP switches the log to debug,
and back.

Every setting is a flag or an environment variable; the flag wins.`,
		Args: cobra.NoArgs,
	}
	set := addSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(c.getenv, set())
		if err != nil {
			c.warn() // a misspelt name is often why another is missing
			return err
		}
		gap, err := telemetry.DroppedLine(cfg.LogFormat)
		if err != nil {
			return err
		}
		// From here on nothing that standard error does or fails to do holds anything up.
		c.outlive()
		out := telemetry.NewLogWriter(c.screen, gap)
		lastLines := func() time.Duration { return lastLinesAtMost }
		defer func() { out.Close(lastLines()) }()
		console := newConsole(cfg.LogFormat, c.screen, out)
		defer console.end()
		log, level, err := telemetry.NewLogger(cfg.LogLevel, cfg.LogFormat, console.out)
		if err != nil {
			return err
		}
		restore, err := zap.RedirectStdLogAt(log.Named("library"), zap.WarnLevel) // net/http's above all
		if err != nil {
			return err
		}
		defer restore()
		for _, warning := range config.Warnings(c.environ) {
			log.Warn(warning)
		}
		ctx, release := stopOnSignal(cmd.Context(), c.signals, func(again os.Signal) {
			// A crash as any other: what is held becomes visible again when its
			// visibility timeout ends, and is taken as if it came late.
			log.Error(fmt.Sprintf("%s came while stopping: stopping at once, without draining", signalName(again)))
			out.Close(lastLinesAtLeast)
			c.exit(exitFound)
		})
		lastLines = timeForLastLines(ctx, cfg.ShutdownTimeout)
		defer release()
		// Every wait of a stop ends by itself before this. It is for what was overlooked.
		deadline, end := grace.Of(ctx).Until(cfg.ShutdownTimeout, errors.New("WORKER_SHUTDOWN_TIMEOUT is over"))
		defer end()
		defer context.AfterFunc(deadline, func() {
			log.Error("stopping at once: what is still held comes again when its visibility timeout ends", zap.Error(context.Cause(deadline)))
			out.Close(lastLinesAtLeast)
			c.exit(exitFound)
		})()
		defer debugOnHangup(c.hangups, level, log)()
		if err := c.runApp(ctx, cfg, app.Options{Log: log, DroppedLines: out.Dropped, Level: level, Version: buildVersion(), OnStatus: console.onStatus(log)}); err != nil {
			if _, ok := errors.AsType[*app.SetupError](err); ok {
				return err // as a wrong setting: said once, exit code 2
			}
			if !errors.Is(err, app.ErrStranded) { // its sums are the last line of the log already
				// Said in the log, where an operator's tools read, and nowhere else.
				log.Error("the worker failed", zap.Error(err))
			}
			return exitError{}
		}
		return nil
	}
	return cmd
}
