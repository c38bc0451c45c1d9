package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/telemetry"
)

const (
	queueSetting = "WORKER_QUEUE_URL"
	dlqSetting   = "WORKER_DLQ_URL"
)

func (c cli) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "look at the letters in the dead-letter queue, and move them back",
		Long: `Looks at the letters in the dead-letter queue, and moves them back.

The dead-letter queue is WORKER_DLQ_URL, or the redrive target of WORKER_QUEUE_URL.
SQS shows a letter only to a receive, which counts and hides the letter from others:
these commands receive each letter once, and give all back when they end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.dlqListCommand(), c.dlqShowCommand(), c.dlqRedriveCommand())
	return cmd
}

// queueFlags adds the flags of the queues, and of the settings that are asked for.
func queueFlags(cmd *cobra.Command, settings ...string) func() map[string]string {
	set := addSettings(cmd.Flags(), append(settings, queueSetting, dlqSetting)...)
	cmd.Flags().Lookup("queue-url").Usage = "The source queue. Not needed where the dead-letter queue is named, and is the redrive target of one queue only. [" + queueSetting + "]"
	cmd.Flags().Lookup("dlq-url").Usage = "The dead-letter queue. Default: the source queue's redrive target. [" + dlqSetting + "]"
	return set
}

// letterConfig reads the settings that a dlq command asks for. The other settings
// are the worker's affair, and neither queue is required by itself.
func (c cli) letterConfig(set func() map[string]string, names ...string) (config.Config, error) {
	cfg, err := config.Load(c.getenv, set())
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		missing := func(f config.Fault) bool { return f.Name == queueSetting && f.Value == "" }
		faults := slices.DeleteFunc(wrong.Faults, func(f config.Fault) bool { return missing(f) || !slices.Contains(names, f.Name) })
		if len(faults) > 0 {
			c.warn()
			return cfg, &config.Error{Faults: faults}
		}
	}
	return cfg, nil
}

func (c cli) openQueues(ctx context.Context, cfg config.Config, needs app.QueueNeeds) (*app.Queues, error) {
	log, _, err := telemetry.NewLogger("warn", "console", c.stderr)
	if err != nil {
		return nil, err
	}
	queues, err := c.findQueues(ctx, cfg, app.Options{Log: log}, needs)
	if _, ok := errors.AsType[*app.SetupError](err); err != nil && !ok {
		return nil, exitError{err}
	}
	return queues, err
}

// stoppable is ctx until the first signal; the second ends the process.
func (c cli) stoppable(ctx context.Context) (context.Context, func()) {
	return stopOnSignal(ctx, c.signals, func(again os.Signal) {
		// A crash as any other: what is under way may be in both queues.
		c.complain("%s came while stopping: stopping at once; letters that are held stay hidden until their leases end, for 15 minutes at most", signalName(again))
		c.exit(exitFound)
	})
}

// openBox opens the dead-letter queue and warns of what looking may do to it.
func (c cli) openBox(ctx context.Context, q *app.Queues) (*mailbox.Box, mailbox.About, error) {
	box := mailbox.Open(q.SQS, q.DLQURL, q.Retry)
	about, err := box.About(ctx)
	if ctx.Err() != nil {
		return nil, about, errors.Join(err, box.Close(ctx))
	}
	if err != nil {
		c.complain("how many letters there are is not known: %v", err)
	}
	if about.MaxReceives > 0 {
		c.complain("warning: the dead-letter queue has a redrive policy of its own: a letter received %s is moved on to %s, and looking at it is one receive",
			printable.Count(about.MaxReceives, "time"), about.NextQueue)
	}
	return box, about, nil
}

// giveBack closes the box, and returns what there is to say of it: what looking has
// cost, and what was not seen. It comes before anything is printed: a reader that
// goes away, as head does, ends the process.
func (c cli) giveBack(ctx context.Context, box *mailbox.Box, about mailbox.About, q *app.Queues) (remarks []string) {
	say := func(format string, args ...any) { remarks = append(remarks, fmt.Sprintf(format, args...)) }
	if queueurl.FIFO(q.DLQURL) && ctx.Err() == nil {
		if now, err := box.About(ctx); err == nil && now.Visible > 0 {
			say("about %s not seen: they stand behind others of their message group, of which a FIFO queue shows no more while some are held", are(now.Visible, "letter"))
		}
	}
	held := box.Held()
	err := box.Close(ctx)
	cost := box.Cost()
	text := fmt.Sprintf("looking used one receive of each letter: %s, %s to SQS", printable.Count(cost.Letters, "letter"), printable.Count(cost.Requests, "request"))
	if cost.Again > 0 {
		text += fmt.Sprintf("; SQS handed out %s a second time", printable.Count(cost.Again, "letter"))
	}
	switch {
	case err != nil:
		text += "; " + err.Error()
	case held > 0:
		text += fmt.Sprintf("; %d given back", held)
	}
	say("%s", text)
	if about.InFlight > 0 {
		say("about %s in flight when this began: somebody else held them, or a run that was killed, and they were not seen", are(about.InFlight, "letter"))
	}
	return remarks
}

// say writes remarks, which are no result, to standard error.
func (c cli) say(remarks ...string) {
	for _, r := range remarks {
		_, _ = fmt.Fprintln(c.stderr, printable.Error(r))
	}
}

// print writes a line of a result.
func (c cli) print(format string, args ...any) { _, _ = fmt.Fprintf(c.stdout, format+"\n", args...) }

// filterFlags adds the flags that choose letters.
func filterFlags(cmd *cobra.Command) func() (mailbox.Filter, error) {
	f := cmd.Flags()
	reasons := f.StringSlice("reason", nil, "only letters of this `reason`, "+strings.Join(reasonNames(), ", ")+"; repeatable, as the next three are")
	codes := f.StringArray("code", nil, "only letters with this error `code`")
	things := f.StringArray("thing", nil, "only letters for this `thing`")
	ids := f.StringArray("id", nil, "only the letter with this MessageId (`id`), its own or that of the message it was made of")
	older := f.String("older-than", "", "only messages that became letters longer ago than this `duration`, such as 90s, 2h or 3d")
	newer := f.String("newer-than", "", "only messages that became letters not as long ago as this `duration`")
	return func() (mailbox.Filter, error) {
		filter := mailbox.Filter{Codes: *codes, Things: *things, IDs: *ids}
		for _, r := range *reasons {
			if !slices.Contains(reasonNames(), r) {
				return filter, fmt.Errorf("--reason: %q is none of %s", r, strings.Join(reasonNames(), ", "))
			}
			filter.Reasons = append(filter.Reasons, message.Reason(r))
		}
		for name, bound := range map[string]struct {
			text string
			at   *time.Time
		}{"older-than": {*older, &filter.Before}, "newer-than": {*newer, &filter.After}} {
			if bound.text == "" {
				continue
			}
			d, err := config.ParseDuration(bound.text)
			if err != nil {
				return filter, fmt.Errorf("--%s: %q is no duration: %w", name, bound.text, err)
			}
			*bound.at = time.Now().Add(-d)
		}
		return filter, nil
	}
}

func reasonNames() []string {
	names := make([]string, 0, len(message.Reasons)+1)
	for _, r := range message.Reasons {
		names = append(names, string(r))
	}
	return append(names, string(mailbox.Foreign))
}
