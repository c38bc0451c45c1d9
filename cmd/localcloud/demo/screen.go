package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"managed-thing-updater/internal/glance"
	"managed-thing-updater/internal/printable"
)

// screen writes lines for people, one at a time; safe for use by many
// goroutines.
type screen struct {
	started time.Time
	colour  bool

	board *glance.Board // nil: no terminal
	view  glance.View

	mu     sync.Mutex
	out    io.Writer
	lines  int // of numbers, for the headings
	before status
	at     time.Time // of before
}

// newScreen keeps the status at the end of a terminal; elsewhere it is a line a
// second, without colours.
func newScreen(out io.Writer) *screen {
	s := &screen{out: out, started: time.Now(), at: time.Now()}
	if board, colour, ok := glance.OnTerminal(out, out); ok {
		s.board, s.out, s.colour, s.view.Colour = board, board, colour, colour
	}
	return s
}

// show says how far things are, on a terminal in place of what it said before.
func (s *screen) show(sent, depth int, is status, err error) {
	if s.board == nil {
		s.line(sent, depth, is, err)
		return
	}
	if err != nil {
		s.board.Show(s.painted(yellow, "● "+err.Error()))
		return
	}
	now := time.Now()
	lines := s.view.Lines(is.all, now)
	s.board.Show(append(lines, fmt.Sprintf("  sent     %d messages in %s; %d in the queue, those held included", sent, clock(now.Sub(s.started)), depth))...)
}

// end takes the status away: what comes now are the sums.
func (s *screen) end() {
	if s.board != nil {
		s.board.Show()
	}
}

// Escape sequences of ECMA-48, 8.3.117.
const (
	bold   = "\x1b[1m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (s *screen) painted(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + reset
}

// say writes text as it is.
func (s *screen) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, text)
}

// workerSays writes a line of the worker's log.
func (s *screen) workerSays(level, text string) {
	colour := yellow
	if level == "error" {
		colour = red
	}
	s.say(s.painted(colour, strings.TrimSpace("worker | "+printable.Line(level))+"  "+printable.Line(text)))
}

// columns of a line: their headings, as wide as their numbers get.
const columns = "  time    sent  queue   held things   rate calls/s   used throttled msgs/call applied superseded duplicate dead oldest  drain"

// line writes how far things are.
func (s *screen) line(sent, depth int, is status, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines%20 == 0 {
		fmt.Fprintln(s.out, s.painted(bold, columns))
	}
	s.lines++
	now := time.Now()
	head := fmt.Sprintf("%6s %7d %6d", clock(now.Sub(s.started)), sent, depth)
	if err != nil {
		fmt.Fprintln(s.out, head+"  "+s.painted(faint, err.Error()))
		return
	}
	o, was := is.Messages.Outcomes, s.before
	rate := float64(is.calls()-was.calls()) / max(now.Sub(s.at).Seconds(), 0.001)
	throttled := is.Calls.ByResult["throttled"]
	text := head + fmt.Sprintf(" %6d %6d %6.1f %7.1f %5.1f%% ", is.Messages.Held, is.Backlog.Things, is.Pace.Rate, rate, 100*is.Pace.Utilisation)
	text += s.risen(yellow, fmt.Sprintf("%8.1f%%", 100*is.Pace.ThrottledShare), throttled > was.Calls.ByResult["throttled"])
	text += fmt.Sprintf(" %9.1f %7d %10d %9d ", is.Pace.MessagesPerCall, o["applied"], o["superseded"]+o["superseded_unsure"], o["duplicate"])
	text += s.risen(red, fmt.Sprintf("%4d", o["dead_lettered"]), o["dead_lettered"] > was.Messages.Outcomes["dead_lettered"])
	text += fmt.Sprintf(" %5.0fs %6s", is.Backlog.OldestSeconds, is.drain())
	if is.State != "receiving" {
		text += "  " + is.State
	}
	fmt.Fprintln(s.out, text)
	s.before, s.at = is, now
}

func (s *screen) risen(colour, text string, risen bool) string {
	if risen {
		return s.painted(colour, text)
	}
	return text
}

// clock is a time since the start: 0:07, 12:34, 1:02:03.
func clock(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}
