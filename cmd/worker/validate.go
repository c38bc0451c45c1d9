package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

func (c cli) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE…]",
		Short: "say what is wrong with messages, from files or standard input",
		Long: `Reads messages from files, or from standard input where none (or -) is named:
one message, or one a line, wrapped or not. Says what is wrong with each as
FILE:LINE: POINTER: RULE: DETAIL. Exit code 1 if anything is.`,
		RunE: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{"-"}
			}
			return c.validate(files)
		},
	}
}

func (c cli) validate(files []string) error {
	messages, wrong, faults := 0, 0, 0
	for _, file := range files {
		name, content, err := c.read(file)
		if err != nil {
			return err
		}
		entries := split(content)
		if len(entries) == 0 {
			_, _ = fmt.Fprintf(c.stdout, "%s: it holds no message\n", name)
			wrong++
		}
		for _, e := range entries {
			messages++
			found := c.judge(name, e)
			faults += found
			if found > 0 {
				wrong++
			}
		}
	}
	if wrong > 0 {
		_, _ = fmt.Fprintf(c.stdout, "%s, %d wrong, %s\n", printable.Count(messages, "message"), wrong, printable.Count(faults, "fault"))
		return exitError{}
	}
	_, _ = fmt.Fprintf(c.stdout, "%s, nothing wrong\n", printable.Count(messages, "message"))
	return nil
}

// judge prints what is wrong with one message and returns how many faults that is.
func (c cli) judge(name string, e entry) int {
	update, faults := message.Decode(message.Incoming{ID: "validate", Body: e.body, SentAt: time.Now(), Receives: 1}, message.Options{})
	for _, f := range faults {
		line := e.line
		if f.In == "" {
			line += lineOf(e.body, f.Pointer)
		}
		where := f.Pointer
		if where == "" {
			where = "message"
		}
		if f.In != "" {
			where = f.In + ": " + where
		}
		c.print("%s", printable.Line(fmt.Sprintf("%s:%d: %s: %s: %s", name, line, where, f.Rule, f.Detail)))
	}
	if update.TimeIgnored == message.TimeUnreadable {
		_, _ = fmt.Fprintf(c.stdout, "%s:%d: note: the event time cannot be read; the time it was sent will count\n", name, e.line)
	}
	return len(faults)
}

func (c cli) read(file string) (name, content string, err error) {
	var all []byte
	if file == "-" {
		file = "stdin"
		all, err = io.ReadAll(c.stdin)
	} else {
		all, err = os.ReadFile(file)
	}
	return file, string(all), err
}

// lines counts the line breaks in text.
func lines(text string) int { return strings.Count(text, "\n") }
