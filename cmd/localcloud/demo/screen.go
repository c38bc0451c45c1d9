package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/statusline"
)

// screen writes lines for people, one at a time; safe for use by many
// goroutines.
type screen struct {
	started time.Time

	board *statusline.Board // nil: no terminal
	view  statusline.View

	mu     sync.Mutex
	out    io.Writer
	lines  int // of numbers, for the headings
	before status.Status
	at     time.Time // of before
}

// newScreen keeps the status at the end of a terminal; elsewhere it is a line a
// second, without colours.
func newScreen(out io.Writer) *screen {
	s := &screen{out: out, started: time.Now(), at: time.Now()}
	if board, colour, ok := statusline.OnTerminal(out, out); ok {
		s.board, s.out, s.view.Colour = board, board, colour
	}
	return s
}

// show says how far things are, on a terminal in place of what it said before.
func (s *screen) show(sent, depth int, is status.Status, err error) {
	if s.board == nil {
		s.line(sent, depth, is, err)
		return
	}
	if err != nil {
		s.board.Show(s.view.Paint(statusline.Yellow, "● "+err.Error()))
		return
	}
	now := time.Now()
	lines := s.view.Lines(is, now)
	s.board.Show(append(lines, fmt.Sprintf("  sent     %d messages in %s; %d in the queue, those held included", sent, clock(now.Sub(s.started)), depth))...)
}

// end takes the status away: what comes now are the sums.
func (s *screen) end() {
	if s.board != nil {
		s.board.Show()
	}
}

// say writes text as it is.
func (s *screen) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, text)
}

// workerSays writes a line of the worker's log.
func (s *screen) workerSays(level, text string) {
	colour := statusline.Yellow
	if level == "error" {
		colour = statusline.Red
	}
	s.say(s.view.Paint(colour, strings.TrimSpace("worker | "+printable.Line(level))+"  "+printable.Line(text)))
}

// columns of a line: their headings, as wide as their numbers get.
const columns = "  time    sent  queue   held things   rate calls/s   used throttled msgs/call applied superseded duplicate dead oldest  drain"

// line writes how far things are.
func (s *screen) line(sent, depth int, is status.Status, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines%20 == 0 {
		fmt.Fprintln(s.out, s.view.Paint(statusline.Bold, columns))
	}
	s.lines++
	now := time.Now()
	head := fmt.Sprintf("%6s %7d %6d", clock(now.Sub(s.started)), sent, depth)
	if err != nil {
		fmt.Fprintln(s.out, head+"  "+s.view.Paint(statusline.Faint, err.Error()))
		return
	}
	with, was := is.Messages.With, s.before
	rate := float64(is.Calls.Ended()-was.Calls.Ended()) / max(now.Sub(s.at).Seconds(), 0.001)
	text := head + fmt.Sprintf(" %6d %6d %6.1f %7.1f %5.1f%% ", is.Messages.Held, is.Backlog.Things, is.Pace.Rate, rate, 100*is.Pace.Utilisation)
	text += s.risen(statusline.Yellow, fmt.Sprintf("%8.1f%%", 100*is.Pace.ThrottledShare), is.Calls.Throttled() > was.Calls.Throttled())
	text += fmt.Sprintf(" %9.1f %7d %10d %9d ", is.Pace.MessagesPerCall, with(message.Applied), with(message.Superseded, message.Unsure), with(message.Duplicate))
	dead := with(message.DeadLettered)
	text += s.risen(statusline.Red, fmt.Sprintf("%4d", dead), dead > was.Messages.With(message.DeadLettered))
	text += fmt.Sprintf(" %5.0fs %6s", is.Backlog.OldestSeconds, drain(is.Pace))
	if is.State != status.Receiving {
		text += "  " + is.State
	}
	fmt.Fprintln(s.out, text)
	s.before, s.at = is, now
}

func (s *screen) risen(colour, text string, risen bool) string {
	if risen {
		return s.view.Paint(colour, text)
	}
	return text
}

// longestDrain is the longest time that is shown.
const longestDrain = 999 * time.Hour

// drain is about how long the calls for all that waits will take: 0:42, 0:42+ if
// only what is held counts and the queue may have more, - if it is not known.
func drain(s status.PaceStatus) string {
	if s.DrainSeconds == nil {
		return "-"
	}
	seconds := min(*s.DrainSeconds, longestDrain.Seconds())
	text := clock(time.Duration(seconds * float64(time.Second)))
	if s.MoreInQueue {
		text += "+"
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
