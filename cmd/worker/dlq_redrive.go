package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/printable"
)

func (c cli) dlqRedriveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "move letters back to the source queue",
		Long: `Moves letters back to the queue that they came from: WORKER_QUEUE_URL, or the one
queue whose redrive policy names the dead-letter queue. Each is sent first and
deleted second, so a crash leaves some in both queues and none in neither.

A worker goes by what is written on a letter: it takes its old place among the
updates of its thing. A letter that does not say when its event happened would
count as new and might overwrite newer values; it stays, unless --force is given.

Letters that a worker gives up again come back. They are not moved twice, and when
as many as --stop-after says come back with the same fault, nothing more is moved.
What comes back is seen when all that stands before it was looked at: up to 2,000
letters are looked at ahead, with --limit or --id 10 a second.

Ctrl-C finishes what is under way, gives the rest back and prints the sums.
Exit code 1: something was refused, failed or came back, or it was stopped.`,
		Args: cobra.NoArgs,
	}
	filter := filterFlags(cmd)
	o := redriveOptions{}
	f := cmd.Flags()
	f.Float64Var(&o.Rate, "rate", 10, "letters a second at most; 0: as many as SQS takes")
	f.IntVar(&o.Limit, "limit", 0, "move so many letters at most; 0: all")
	f.IntVar(&o.StopAfter, "stop-after", 10, "stop when so many moved letters have come back with the same fault; 0: never")
	f.BoolVar(&o.Force, "force", false, "move letters without the time of their event too: they count as new")
	f.BoolVar(&o.dryRun, "dry-run", false, "move nothing: say what would become of each letter by today's rules")
	f.BoolVar(&o.json, "json", false, "the result as JSON")
	f.StringVar(&o.from, "from", "", "send the letters of this `file`, saved by dlq list --output; it stays as it is, and so does the dead-letter queue")
	settings := []string{queueSetting, dlqSetting, "WORKER_MAX_EVENT_AGE", "WORKER_MAX_RECEIVES"}
	set := queueFlags(cmd, settings...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if o.Filter, err = filter(); err != nil {
			return err
		}
		if err := o.check(f.Changed("stop-after")); err != nil {
			return err
		}
		ctx, release := c.stoppable(cmd.Context())
		defer release()
		cfg, err := c.letterConfig(set, settings...)
		if err != nil {
			return err
		}
		o.Rules = redrive.Rules{MaxEventAge: cfg.MaxEventAge, MaxReceives: cfg.MaxReceives}
		var queues *app.Queues
		if o.from == "" || !o.dryRun { // a file is judged by itself
			if queues, err = c.openQueues(ctx, cfg, app.QueueNeeds{DeadLetters: o.from == "", Source: !o.dryRun}); err != nil {
				return err
			}
		}
		return c.redrive(ctx, queues, o)
	}
	return cmd
}

type redriveOptions struct {
	redrive.Options
	dryRun, json bool
	from         string
}

func (o *redriveOptions) check(stopAfter bool) error {
	switch {
	case !(o.Rate >= 0):
		return errors.New("--rate: it must be 0 or more")
	case o.Limit < 0:
		return errors.New("--limit: it must be 0 or more")
	case o.StopAfter < 0:
		return errors.New("--stop-after: it must be 0 or more")
	case o.from != "" && stopAfter:
		return errors.New("--stop-after: with --from the dead-letter queue is not looked at, so what comes back is not seen; leave one of the two out")
	}
	return nil
}

func (c cli) redrive(ctx context.Context, q *app.Queues, o redriveOptions) error {
	if o.from != "" {
		file, err := mailbox.OpenFile(o.from)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		defer func() { _ = file.Close() }()
		return c.move(ctx, q, file, file.Letters(), o, func() []string { return nil })
	}
	box, about, err := c.openBox(ctx, q)
	if err != nil {
		return exitError{err}
	}
	return c.move(ctx, q, box, about.Visible, o, func() []string { return c.giveBack(ctx, box, about, q) })
}

// move moves the letters, about so many, or says what would become of them. done
// ends the looking, and comes before anything is printed.
func (c cli) move(ctx context.Context, q *app.Queues, from redrive.Source, total int, o redriveOptions, done func() []string) error {
	if o.dryRun {
		outlooks, looked, err := redrive.DryRun(ctx, from, o.Options)
		defer c.say(done()...)
		return c.foretell(ctx, outlooks, looked, err, o)
	}
	c.outlive() // a reader that goes away must not come between a send and its delete
	bar := c.newProgress(total, o.Limit)
	o.Progress = bar.show
	sums, why, err := redrive.Run(ctx, from, mailbox.NewSender(q.SQS, q.SourceURL, q.Retry), o.Options)
	bar.end()
	defer c.say(done()...)
	return c.account(ctx, q, o, sums, why, err)
}

// account prints the sums and returns what was wrong.
func (c cli) account(ctx context.Context, q *app.Queues, o redriveOptions, s redrive.Sums, why, err error) error {
	if o.json {
		if err := c.encode(s); err != nil {
			return err
		}
	} else {
		c.print("%s moved to %s", are(s.Moved, "letter"), queueName(q.SourceURL))
		for _, line := range []struct {
			n    int
			text string
		}{
			{s.LeftOut, "left out by the filters or the limit"},
			{s.NoTime, "refused: nothing on them says when their event happened, so they would count as new; --force moves them"},
			{s.Newer, "came while letters were moved; they stay for another run"},
			{s.CameBack, "came back after they were moved; not moved again"},
			{s.NotSent, "not taken by the source queue; they stay in the dead-letter queue"},
			{s.NotDeleted, "of those moved are in the dead-letter queue as well: they could not be deleted"},
			{s.LeaseLost, "not moved: their lease ran out, and somebody else may hold them"},
			{s.Waiting(), "not moved any more, as the run was stopped; they are in the dead-letter queue as before"},
		} {
			if line.n > 0 {
				c.print("%d %s", line.n, line.text)
			}
		}
	}
	if why != nil {
		c.complain("the first letter that could not be moved: %v", why)
	}
	if same, ok := errors.AsType[*redrive.SameFault](err); ok {
		return exitError{fmt.Errorf("stopped: %s came back with the same fault, %s; worker dlq list shows them", printable.Count(same.Times, "letter"), placeWords(same.Place))}
	}
	switch {
	case ctx.Err() != nil:
		return exitError{fmt.Errorf("stopped: %w; the same command goes on where it stopped", context.Cause(ctx))}
	case err != nil:
		return exitError{fmt.Errorf("stopped: %w", err)}
	case s.NoTime+s.CameBack+s.NotSent+s.NotDeleted+s.LeaseLost > 0:
		return exitError{}
	}
	return nil
}

// verdictWords say what would become of a letter.
var verdictWords = map[redrive.Verdict]string{
	redrive.WouldBeCalled:         "valid: applied, unless newer values are or the API refuses",
	redrive.WouldChangeNothing:    "valid: sets nothing, deleted without a call",
	redrive.StillInvalid:          "still invalid: comes back",
	redrive.StillReceivedTooOften: "received more than WORKER_MAX_RECEIVES times: comes back",
	redrive.WithoutTime:           "no time of its event: refused without --force",
}

func (c cli) foretell(ctx context.Context, outlooks []redrive.Outlook, looked int, err error, o redriveOptions) error {
	chosen, bad := 0, 0
	for _, g := range outlooks {
		chosen += g.Count
		if g.Verdict != redrive.WouldBeCalled && g.Verdict != redrive.WouldChangeNothing && !(g.Verdict == redrive.WithoutTime && o.Force) {
			bad += g.Count
		}
	}
	if o.json {
		if err := c.encode(outlooks); err != nil {
			return err
		}
	} else if err := c.printOutlooks(outlooks, chosen, looked, o.Force); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return exitError{fmt.Errorf("stopped before all letters were seen: %w", context.Cause(ctx))}
	case err != nil:
		return exitError{fmt.Errorf("stopped before all letters were seen: %w", err)}
	case bad > 0:
		return exitError{}
	}
	return nil
}

func (c cli) printOutlooks(outlooks []redrive.Outlook, chosen, looked int, force bool) error {
	refused := 0
	for _, g := range outlooks {
		if g.Verdict == redrive.WithoutTime && !force {
			refused += g.Count
		}
	}
	text := "would move " + printable.Count(chosen-refused, "letter")
	if refused > 0 {
		text += fmt.Sprintf(", refuse %d without a time", refused)
	}
	if others := looked - chosen; others > 0 {
		text += fmt.Sprintf(", and leave %d (left out by the filters or the limit, or new since this began)", others)
	}
	c.print("%s; none is moved now", text)
	if len(outlooks) == 0 {
		return nil
	}
	c.print("")
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "LETTERS\tWHAT WOULD BECOME OF THEM\tFAULT\tSAMPLE\tTHING")
	for i, g := range outlooks {
		if i == maxRows {
			_, _ = fmt.Fprintf(table, "and %s more; --json lists all\n", printable.Count(len(outlooks)-maxRows, "group"))
			break
		}
		fault := where(g.In, g.Pointer)
		switch {
		case g.Sample.Rule != "" && fault != "":
			fault += ": " + g.Sample.Rule
		case g.Sample.Rule != "":
			fault = g.Sample.Rule
		}
		_, _ = fmt.Fprintf(table, "%7d\t%s\t%s\t%s\t%s\n", g.Count, verdictWords[g.Verdict], orDash(fault), orDash(g.Sample.ID), orDash(g.Sample.Thing))
	}
	return table.Flush()
}

func (c cli) encode(v any) error {
	out := json.NewEncoder(c.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
