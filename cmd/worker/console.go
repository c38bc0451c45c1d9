package main

import (
	"io"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/statusline"
)

// plainEvery is how often the status is said if no terminal shows it.
const plainEvery = 10 * time.Second

// console shows the status of a running worker, if the log is for people: below the log
// on a terminal, elsewhere as a line of the log now and then.
type console struct {
	out   io.Writer // of the log
	board *statusline.Board
	view  statusline.View
	plain bool
	said  time.Time // when the last plain line was
	last  int       // messages received by then
}

// newConsole makes a console on screen, to which out leads.
func newConsole(format string, screen, out io.Writer) *console {
	c := &console{out: out}
	if format != "console" {
		return c
	}
	board, colour, ok := statusline.OnTerminal(screen, out)
	if !ok {
		c.plain = true
		return c
	}
	c.board, c.out, c.view.Colour = board, board, colour
	return c
}

// onStatus is what the worker calls once a second; nil if nothing is shown.
func (c *console) onStatus(log *zap.Logger) func(status.Status) {
	if c.board == nil && !c.plain {
		return nil
	}
	return func(s status.Status) {
		now := time.Now()
		if c.board != nil {
			c.board.Show(c.view.Lines(s, now)...)
			return
		}
		idle := s.Messages.Held == 0 && s.Messages.Received == c.last && !s.Circuit.Open
		if now.Sub(c.said) < plainEvery || idle {
			return
		}
		c.said, c.last = now, s.Messages.Received
		log.Info(c.view.Line(s, now))
	}
}

// end takes the status away: the last line of the log has the sums.
func (c *console) end() {
	if c.board != nil {
		c.board.Show()
	}
}
