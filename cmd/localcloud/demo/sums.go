package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/statusline"
)

// faults names the worker's sums that do not add up, for so many messages sent, left in
// the queue, and in the dead-letter queue or taken from it.
func faults(s status.Sums, sent, left, letters int) []string {
	var wrong []string
	differ := func(is, should int, what string) {
		if is != should {
			wrong = append(wrong, fmt.Sprintf("%s: %d, not %d", what, is, should))
		}
	}
	differ(s.Settled()+left, sent, fmt.Sprintf("settled (%d) and left in the queue (%d) should be what was sent", s.Settled(), left))
	differ(s.Settled()+s.Released, s.Received, "settled and released should be what was received")
	differ(letters, s.DeadLettered, "the dead-letter queue should hold what was dead-lettered and not taken out again")
	reasons := 0
	for _, n := range s.DeadLetters {
		reasons += n
	}
	differ(reasons, s.DeadLettered, "the reasons of dead letters should sum up to them")
	differ(s.Stranded, 0, "no message should be stranded")
	return wrong
}

// account prints the sums, after the worker has ended, and reports whether they
// add up.
func account(c *cloud, w *worker, took time.Duration, out *screen) bool {
	left, letters := c.left(), c.letters()
	sent := c.sent.sums()
	things, wrong := c.sent.compare(left, letters, c.Things.Get)

	s := w.sums
	if s == nil {
		wrong = append([]string{fmt.Sprintf("the worker ended (%v) without the line of its sums", w.Err)}, wrong...)
	} else {
		wrong = append(faults(*s, sent.all(), len(left), len(letters)+c.sent.lettersTaken()), wrong...)
		if w.Err != nil {
			wrong = append(wrong, "the worker's exit: "+w.Err.Error())
		}
		out.say(out.table(*s, sent, len(left), took))
	}
	if len(wrong) == 0 {
		out.say(out.view.Paint(statusline.Bold, fmt.Sprintf("adds up: every message is accounted for, and %d things are as their newest events say", things)))
		return true
	}
	out.say(out.view.Paint(statusline.Red, "does not add up:"))
	for _, fault := range wrong[:min(len(wrong), 20)] {
		out.say(out.view.Paint(statusline.Red, "  "+fault))
	}
	if more := len(wrong) - 20; more > 0 {
		out.say(out.view.Paint(statusline.Red, fmt.Sprintf("  and %d more", more)))
	}
	return false
}

// table is the sums in words.
func (s *screen) table(w status.Sums, sent tally, left int, took time.Duration) string {
	var b strings.Builder
	row := func(name string, n int, note string) {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-18s %7d  %s", name, n, note), " "))
	}
	fmt.Fprintln(&b, s.view.Paint(statusline.Bold, "After "+clock(took)))
	note := ""
	if sent.hand > 0 {
		note = fmt.Sprintf("%d of them by hand", sent.hand)
	}
	row("sent", sent.all(), note)
	row("received", w.Received, "")
	row("applied", w.Applied, fmt.Sprintf("%d messages, applied or superseded, shared another's call", w.Merged))
	row("superseded", w.Superseded, "by a newer value")
	row("superseded_unsure", w.SupersededUnsure, "the same, but may not set all its keys")
	row("duplicate", w.Duplicate, "")
	row("unchanged", w.Unchanged, "")
	row("dead_lettered", w.DeadLettered, statusline.Reasons(w.DeadLetters))
	row("released", w.Released, "back to the queue")
	row("stranded", w.Stranded, "")
	row("left in the queue", left, "")
	saved := ""
	if done := w.Settled() - w.DeadLettered; w.Calls > 0 && done > 0 {
		saved = fmt.Sprintf("%d throttled; %.1f messages settled a call", w.Throttled, float64(done)/float64(w.Calls))
	}
	row("calls", w.Calls, saved)
	if w.PollsCut > 0 {
		row("polls cut", w.PollsCut, "")
	}
	return b.String()
}

// left are the ids of the messages in the source queue.
func (c *cloud) left() []string {
	var ids []string
	for _, m := range c.SQS.Messages(c.queue) {
		ids = append(ids, m.ID)
	}
	return ids
}

// letters are the ids that the dead-lettered messages had in the source queue.
func (c *cloud) letters() []string {
	var ids []string
	for _, m := range c.SQS.Messages(c.dlq) {
		var f message.Failure
		if json.Unmarshal([]byte(m.Attributes["Failure"].StringValue), &f) == nil && f.MessageID != "" {
			ids = append(ids, f.MessageID)
		} else {
			ids = append(ids, m.ID) // moved by SQS itself
		}
	}
	return ids
}
