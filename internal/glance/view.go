package glance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/printable"
)

// View turns one status after another into lines. Use it from one goroutine.
type View struct {
	Colour bool

	before Status
	at     time.Time // of before; zero: none
	course []float64 // calls a second, the latest last
}

const courseLength = 30

// Colours of ECMA-48, 8.3.117.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// Lines are the status as a block.
func (v *View) Lines(s Status, now time.Time) []string {
	calls, settled := v.rates(s, now)
	colour, head := v.head(s, now)
	lines := []string{v.painted(colour, "● "+bolded(v.Colour, colour, head))}
	return append(lines,
		"  calls    "+spark(v.course)+"  "+callsText(s, calls),
		"  waiting  "+waitingText(s),
		"  settled  "+settledText(s, settled))
}

// Line is the status as one line, without colours.
func (v *View) Line(s Status, now time.Time) string {
	calls, settled := v.rates(s, now)
	_, head := v.head(s, now)
	return strings.Join([]string{head, "calls " + callsText(s, calls), "waiting " + waitingText(s), "settled " + settledText(s, settled)}, " | ")
}

// rates are calls and messages settled a second, since the status before.
func (v *View) rates(s Status, now time.Time) (calls, settled float64) {
	seconds := now.Sub(v.at).Seconds()
	if v.at.IsZero() || s.calls() < v.before.calls() { // another worker
		seconds = max(s.Uptime, 1)
		v.before, v.course = Status{}, nil
	}
	seconds = max(seconds, 1e-3)
	calls = float64(s.calls()-v.before.calls()) / seconds
	settled = float64(s.settled()-v.before.settled()) / seconds
	v.before, v.at = s, now
	v.course = append(v.course, calls)
	if len(v.course) > courseLength {
		v.course = slices.Delete(v.course, 0, len(v.course)-courseLength)
	}
	return calls, settled
}

func (v *View) head(s Status, now time.Time) (colour, text string) {
	colour, text = condition(s, now)
	return colour, printable.Line(text) // the API's words may be in it
}

func condition(s Status, now time.Time) (colour, text string) {
	switch c := s.Circuit; {
	case c.Open && s.State == "receiving":
		text = fmt.Sprintf("circuit open for %s: %s", span(now.Sub(c.Since).Seconds()), c.Detail)
		if c.Code != "" {
			text += " (" + c.Code + ")"
		}
		return red, text
	case s.State == "receiving" && s.Reason != "":
		return red, s.Reason
	case s.State == "receiving":
		return green, "receiving, for " + span(s.Uptime)
	case s.Reason != "" && s.Reason != s.State:
		return yellow, s.Reason
	}
	return yellow, s.State
}

func (v *View) painted(colour, text string) string {
	if !v.Colour {
		return text
	}
	return colour + text + reset
}

// bolded is bold text inside of a colour.
func bolded(on bool, colour, text string) string {
	if !on {
		return text
	}
	return bold + text + reset + colour
}

func callsText(s Status, calls float64) string {
	return fmt.Sprintf("%.1f/s of %.1f/s learned, %.0f%% used, %.1f%% throttled", calls, s.Pace.Rate, 100*s.Pace.Utilisation, 100*s.Pace.ThrottledShare)
}

func waitingText(s Status) string {
	if s.Messages.Held == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("%d messages for %d things, the oldest %s", s.Messages.Held, s.Backlog.Things, span(s.Backlog.OldestSeconds))
	if s.Pace.Queued > 0 {
		text += fmt.Sprintf(", %d more queued", s.Pace.Queued)
	}
	if d := s.Pace.DrainSeconds; d != nil {
		text += ", drained in about " + span(*d)
		if s.Pace.MoreInQueue {
			text += ", and more is queued"
		}
	}
	return text
}

func settledText(s Status, settled float64) string {
	o := s.Messages.Outcomes
	text := fmt.Sprintf("%.1f/s, %.1f a call: %d applied, %d superseded, %d duplicate or unchanged, %d dead-lettered",
		settled, s.Pace.MessagesPerCall, o["applied"], o["superseded"]+o["superseded_unsure"], o["duplicate"]+o["unchanged"], o["dead_lettered"])
	var reasons []string
	for _, r := range slices.Sorted(maps.Keys(s.DeadLetters)) {
		if n := s.DeadLetters[r]; n > 0 {
			reasons = append(reasons, fmt.Sprintf("%s %d", strings.ReplaceAll(r, "_", " "), n))
		}
	}
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	return text
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
