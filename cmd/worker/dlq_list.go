package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

const (
	listLimit = 10_000
	maxRows   = 50
)

func (c cli) dlqListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "say how many letters there are, by reason, code and place of fault",
		Long: `Groups the letters by reason, code and place of fault, the largest group first, each
with the age of its oldest and newest letter and a sample. A letter that no worker
wrote is foreign: SQS's own redrive policy or another tool put it there.

--output saves the letters, bodies with all that is in them, as JSON Lines to a new
file that only you may read; worker dlq redrive --from sends them from there.`,
		Args: cobra.NoArgs,
	}
	filter := filterFlags(cmd)
	o := listOptions{}
	cmd.Flags().BoolVar(&o.json, "json", false, "as JSON")
	cmd.Flags().StringVar(&o.output, "output", "", "save the letters to this new `file`, as JSON Lines")
	cmd.Flags().IntVar(&o.limit, "limit", listLimit, fmt.Sprintf("look at so many letters at most, up to %d", mailbox.MaxHeld))
	set := queueFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if o.filter, err = filter(); err != nil {
			return err
		}
		if o.limit < 1 || o.limit > mailbox.MaxHeld {
			return fmt.Errorf("--limit: it must be 1 to %d", mailbox.MaxHeld)
		}
		ctx, release := c.stoppable(cmd.Context())
		defer release()
		cfg, err := c.letterConfig(set, queueSetting, dlqSetting)
		if err != nil {
			return err
		}
		queues, err := c.openQueues(ctx, cfg, app.QueueNeeds{DeadLetters: true})
		if err != nil {
			return err
		}
		return c.list(ctx, queues, o)
	}
	return cmd
}

type listOptions struct {
	filter mailbox.Filter
	json   bool
	output string
	limit  int
}

// listing is what list found.
type listing struct {
	Queue   string          `json:"queue"`
	Letters int             `json:"letters"` // that the filters choose
	Looked  int             `json:"looked"`  // at, these and others
	All     bool            `json:"all"`     // false: stopped before the queue had shown all
	Groups  []mailbox.Group `json:"groups"`
}

func (c cli) list(ctx context.Context, q *app.Queues, o listOptions) (err error) {
	var file *mailbox.Writer
	if o.output != "" {
		if file, err = mailbox.Create(o.output); err != nil {
			return fmt.Errorf("--output: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
	}
	box, about, err := c.openBox(ctx, q)
	if err != nil {
		return exitError{err}
	}
	result, stopped := gather(ctx, box, o, file)
	result.Queue = q.DLQURL
	remarks := c.giveBack(ctx, box, about, q)
	if file != nil {
		remarks = append(remarks, fmt.Sprintf("%s saved to %s", are(file.Letters(), "letter"), o.output))
	}
	if stopped == nil && !result.All {
		remarks = append(remarks, fmt.Sprintf("stopped after %s; --limit sets how many, up to %d", printable.Count(result.Looked, "letter"), mailbox.MaxHeld))
	}
	if o.json {
		err = c.encode(result)
	} else {
		err = c.printListing(result)
	}
	c.say(remarks...)
	if stopped != nil {
		return exitError{fmt.Errorf("stopped before all letters were seen: %w", stopped)}
	}
	return err
}

// gather sums the letters up, and saves them where there is a file.
func gather(ctx context.Context, box *mailbox.Box, o listOptions, file *mailbox.Writer) (listing, error) {
	var groups mailbox.Groups
	l := listing{All: true}
	var stopped error
	for letter, err := range mailbox.All(ctx, box) {
		if err != nil {
			stopped, l.All = err, false
			break
		}
		if l.Looked == o.limit {
			l.All = false
			break
		}
		l.Looked++
		if !o.filter.Takes(letter) {
			continue
		}
		l.Letters++
		groups.Add(letter)
		if file != nil {
			if err := file.Write(letter); err != nil {
				stopped, l.All = err, false
				break
			}
		}
	}
	l.Groups = groups.Sorted()
	return l, stopped
}

func (c cli) printListing(l listing) error {
	text := fmt.Sprintf("%s: %s", queueName(l.Queue), printable.Count(l.Letters, "letter"))
	if others := l.Looked - l.Letters; others > 0 {
		text += fmt.Sprintf(", and %d that the filters leave out", others)
	}
	c.print("%s", text)
	if len(l.Groups) == 0 {
		return nil
	}
	c.print("")
	now := time.Now()
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "LETTERS\tREASON\tCODE\tPLACE OF FAULT\tOLDEST\tNEWEST\tSAMPLE\tTHING")
	for i, g := range l.Groups {
		if i == maxRows {
			break
		}
		reason, place := string(g.Reason), where(g.In, g.Pointer)
		if g.Reason == message.InvalidMessage && place == "" {
			place = "the whole message"
		}
		if g.Reason == "" {
			reason = string(mailbox.Foreign)
			if g.Source != "" {
				place = "moved by SQS from " + queueName(g.Source)
			}
		}
		_, _ = fmt.Fprintf(table, "%7d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			g.Count, orDash(reason), orDash(g.Code), orDash(place), age(g.Oldest, now), age(g.Newest, now), orDash(g.Sample.ID), orDash(g.Sample.Thing))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(l.Groups) - maxRows; more > 0 {
		c.print("and %s more; --json lists all", printable.Count(more, "group"))
	}
	c.print("\nworker dlq show %s says more of one.", printable.Line(l.Groups[0].Sample.ID))
	return nil
}
