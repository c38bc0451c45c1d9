package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

func (c cli) dlqShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "print one letter with its history",
		Long: `Prints one letter: why and when it was given up, its attributes and its body. ID is
the MessageId of the letter, or of the message that it was made of. Values of
sensitive members (Owner, SerialNumber, Brand, Model, Classification) are hidden,
and all of a body in which these cannot be found, unless --sensitive is given.

SQS cannot be asked for one letter: others are received until it comes, each once.`,
		Args: one("ID"),
	}
	sensitive := cmd.Flags().Bool("sensitive", false, "show the body with all that is in it")
	set := queueFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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
		return c.show(ctx, queues, args[0], *sensitive)
	}
	return cmd
}

func (c cli) show(ctx context.Context, q *app.Queues, id string, sensitive bool) error {
	box, about, err := c.openBox(ctx, q)
	if err != nil {
		return exitError{err}
	}
	letter, stopped := find(ctx, box, id)
	looked := box.Cost().Letters
	remarks := c.giveBack(ctx, box, about, q)
	defer c.say(remarks...)
	switch {
	case stopped != nil:
		return exitError{fmt.Errorf("stopped before the letter was found: %w", stopped)}
	case letter == nil:
		return exitError{fmt.Errorf("no letter %q is among the %s of %s", id, printable.Count(looked, "letter"), queueName(q.DLQURL))}
	}
	return c.printLetter(q.DLQURL, letter, sensitive)
}

// find looks for a letter by its id; nil where there is none.
func find(ctx context.Context, box *mailbox.Box, id string) (*mailbox.Letter, error) {
	for letter, err := range mailbox.All(ctx, box) {
		if err != nil || letter.Is(id) {
			return letter, err
		}
	}
	return nil, nil
}

func (c cli) printLetter(queue string, l *mailbox.Letter, sensitive bool) error {
	m, now := l.Message, time.Now()
	c.print("letter %s in %s", printable.Line(m.ID), queueName(queue))
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.TrimSpace(text) != "" {
			_, _ = fmt.Fprintf(table, "  %s\t%s\n", name, strings.ReplaceAll(printable.Text(text), "\n", "\n  \t"))
		}
	}
	row("thing", "%s", l.Thing)
	if l.Failure == nil {
		printForeign(row, l, now)
	} else {
		printFailure(row, *l.Failure, now)
	}
	row("receives here", "%d", m.Receives)
	row("message group", "%s", m.GroupID)
	row("trace", "%s", m.TraceHeader)
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if name != message.AttributeFailure || l.Failure == nil {
			row("attribute", "%s = %s", name, attributeText(name, m.Attributes[name], sensitive))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	c.printBody(l, sensitive)
	return nil
}

func printFailure(row func(name, format string, args ...any), f message.Failure, now time.Time) {
	row("why", "%s: %s", f.Reason, reasonWords[f.Reason].what)
	row("error", "%s", strings.TrimSpace(f.Code+"  "+f.Detail))
	for _, fault := range f.Faults {
		row("fault", "%s: %s: %s", fault.Place(), fault.Rule, fault.Detail)
	}
	row("happened", "%s", timeText(f.OccurredAt, now))
	row("sent", "%s", timeText(f.SentAt, now))
	row("given up", "%s by worker %s, after %s that counted and %s", timeText(f.FailedAt, now), f.Worker, printable.Count(f.Attempts, "failure"), printable.Count(f.Receives, "receive"))
	row("last request", "%s", f.RequestID)
	row("message", "%s", f.MessageID)
	row("sequence number", "%s", f.SequenceNumber)
	row("dedup key", "%s", f.DedupKey)
	for _, name := range slices.Sorted(maps.Keys(f.Original)) {
		row("producer's own", "%s = %s", name, attributeText(name, f.Original[name], false))
	}
	row("what to do", "%s", reasonWords[f.Reason].todo)
}

func printForeign(row func(name, format string, args ...any), l *mailbox.Letter, now time.Time) {
	words := reasonWords[mailbox.Foreign]
	if l.Source != "" {
		row("why", "%s: SQS moved it from %s, whose redrive policy allows no more receives", mailbox.Foreign, queueName(l.Source))
	} else {
		row("why", "%s: %s", mailbox.Foreign, words.what)
	}
	row("sent", "%s", timeText(l.Message.SentAt.UTC().Format(time.RFC3339Nano), now))
	row("what to do", "%s", words.todo)
}

// timeText is a time as it is written on the letter, and how long ago that was.
func timeText(text string, now time.Time) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return text + " (" + age(at, now) + " ago)"
}

func attributeText(name string, a message.Attribute, sensitive bool) string {
	switch {
	case strings.HasPrefix(a.DataType, "Binary"):
		return fmt.Sprintf("%s of %s", a.DataType, printable.Count(len(a.BinaryValue), "byte"))
	case message.SoundsSensitive(name) && !sensitive:
		return fmt.Sprintf("(hidden: a %s of %s)", a.DataType, printable.Count(len(a.StringValue), "byte"))
	}
	return a.StringValue
}

// printBody shows the request, and with everything that is in it the body as it
// stands.
func (c cli) printBody(l *mailbox.Letter, sensitive bool) {
	preview := message.PreviewOf(l.Message.Body)
	request, readable := preview.Request(sensitive)
	wrapped := ""
	if len(preview.Wrappings) > 0 {
		wrapped = " (inside " + printable.Line(strings.Join(preview.Wrappings, " > ")) + ")"
	}
	switch {
	case readable:
		c.print("\nrequest%s\n%s", wrapped, request)
	case !sensitive:
		c.print("\nbody: hidden, %s%s. No request can be read in it, so its sensitive members cannot be told\nfrom the rest. --sensitive shows it.", printable.Count(len(l.Message.Body), "byte"), wrapped)
	}
	if sensitive && (!readable || wrapped != "") {
		c.print("\nbody as it stands\n%s", printable.Text(l.Message.Body))
	}
}
