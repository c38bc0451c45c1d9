// Package statusline shows a worker's status in a terminal: a few lines that are written
// anew each second, below the log.
package statusline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/status"
)

// View turns one status after another into lines. Use it from one goroutine.
type View struct {
	Colour bool

	before status.Status
	at     time.Time // of before; zero: none
	course []float64 // calls a second, the latest last
}

const courseLength = 30

// Colours of ECMA-48, 8.3.117.
const (
	Bold   = "\x1b[1m"
	Faint  = "\x1b[2m"
	Red    = "\x1b[31m"
	Green  = "\x1b[32m"
	Yellow = "\x1b[33m"
	Reset  = "\x1b[0m"
)

// Lines are the status as a block.
func (v *View) Lines(s status.Status, now time.Time) []string {
	calls, settled := v.rates(s, now)
	colour, head := v.head(s, now)
	lines := []string{v.Paint(colour, "● "+v.Paint(Bold, head))}
	return append(lines,
		"  calls    "+spark(v.course)+"  "+callsText(s, calls),
		"  waiting  "+waitingText(s),
		"  settled  "+settledText(s, settled))
}

// Line is the status as one line, without colours.
func (v *View) Line(s status.Status, now time.Time) string {
	calls, settled := v.rates(s, now)
	_, head := v.head(s, now)
	return strings.Join([]string{head, "calls " + callsText(s, calls), "waiting " + waitingText(s), "settled " + settledText(s, settled)}, " | ")
}

// rates are calls and messages settled a second, since the status before.
func (v *View) rates(s status.Status, now time.Time) (calls, settled float64) {
	seconds := now.Sub(v.at).Seconds()
	if v.at.IsZero() || s.Calls.Ended() < v.before.Calls.Ended() { // another worker
		seconds = max(s.Uptime, 1)
		v.before, v.course = status.Status{}, nil
	}
	seconds = max(seconds, 1e-3)
	calls = float64(s.Calls.Ended()-v.before.Calls.Ended()) / seconds
	settled = float64(s.Messages.Settled()-v.before.Messages.Settled()) / seconds
	v.before, v.at = s, now
	v.course = append(v.course, calls)
	if len(v.course) > courseLength {
		v.course = slices.Delete(v.course, 0, len(v.course)-courseLength)
	}
	return calls, settled
}

func (v *View) head(s status.Status, now time.Time) (colour, text string) {
	colour, text = condition(s, now)
	return colour, printable.Line(text) // the API's words may be in it
}

func condition(s status.Status, now time.Time) (colour, text string) {
	switch c := s.Circuit; {
	case c.Open && s.State == status.Receiving:
		text = fmt.Sprintf("circuit open for %s: %s", span(now.Sub(*c.Since).Seconds()), c.Detail)
		if c.Code != "" {
			text += " (" + c.Code + ")"
		}
		return Red, text
	case s.State == status.Receiving && s.Reason != "":
		return Red, s.Reason
	case s.State == status.Receiving:
		return Green, "receiving, for " + span(s.Uptime)
	case s.Reason != "" && s.Reason != s.State:
		return Yellow, s.Reason
	}
	return Yellow, s.State
}

// Paint is text in a colour, if colours are wanted.
func (v *View) Paint(colour, text string) string {
	if !v.Colour {
		return text
	}
	return colour + text + Reset
}

func callsText(s status.Status, calls float64) string {
	return fmt.Sprintf("%.1f/s of %.1f/s learned, %.0f%% used, %.1f%% throttled", calls, s.Pace.Rate, 100*s.Pace.Utilisation, 100*s.Pace.ThrottledShare)
}

func waitingText(s status.Status) string {
	if s.Messages.Held == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("%d messages for %d things, the oldest %s", s.Messages.Held, s.Backlog.Things, span(s.Backlog.OldestSeconds))
	if q := s.Pace.Queued; q != nil && *q > 0 {
		text += fmt.Sprintf(", %d more queued", *q)
	}
	if d := s.Pace.DrainSeconds; d != nil {
		text += ", drained in about " + span(*d)
		if s.Pace.MoreInQueue {
			text += ", and more is queued"
		}
	}
	return text
}

func settledText(s status.Status, settled float64) string {
	with := s.Messages.With
	text := fmt.Sprintf("%.1f/s, %.1f a call: %d applied, %d superseded, %d duplicate or unchanged, %d dead-lettered",
		settled, s.Pace.MessagesPerCall, with(message.Applied), with(message.Superseded, message.Unsure), with(message.Duplicate, message.Unchanged), with(message.DeadLettered))
	if reasons := Reasons(s.DeadLetters); reasons != "" {
		text += " (" + strings.ReplaceAll(reasons, "_", " ") + ")"
	}
	return text
}

// Reasons are those of dead letters, with how many there are of each.
func Reasons(deadLetters map[string]int) string {
	var reasons []string
	for _, r := range slices.Sorted(maps.Keys(deadLetters)) {
		if n := deadLetters[r]; n > 0 {
			reasons = append(reasons, fmt.Sprintf("%s %d", r, n))
		}
	}
	return strings.Join(reasons, ", ")
}

// spark draws the values as bars, as high as they are beside the highest.
func spark(values []float64) string {
	const bars = "▁▂▃▄▅▆▇█"
	each := []rune(bars)
	highest := max(slices.Max(values), 1)
	var b strings.Builder
	for range courseLength - len(values) {
		b.WriteByte(' ')
	}
	for _, v := range values {
		b.WriteRune(each[min(len(each)-1, int(v/highest*float64(len(each))))])
	}
	return b.String()
}

// span is 42s, 3m07s, 2h05m.
func span(seconds float64) string {
	switch n := int(seconds); {
	case n < 60:
		return fmt.Sprintf("%ds", max(0, n))
	case n < 3600:
		return fmt.Sprintf("%dm%02ds", n/60, n%60)
	default:
		return fmt.Sprintf("%dh%02dm", n/3600, n/60%60)
	}
}
