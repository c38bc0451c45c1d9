package main

import (
	"encoding/json"
	"io"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/glance"
	"managed-thing-updater/internal/status"
)

// plainEvery is how often the status is said where no terminal shows it.
const plainEvery = 10 * time.Second

// look shows a running worker to the person before it, where the log is for people:
// below the log on a terminal, as a line of the log now and then elsewhere.
type look struct {
	out   io.Writer // of the log
	board *glance.Board
	view  glance.View
	plain bool
	said  time.Time // when the last plain line was
	last  int       // messages received by then
}

// newLook makes a look at screen, to which out leads.
func newLook(format string, screen, out io.Writer) *look {
	l := &look{out: out}
	if format != "console" {
		return l
	}
	board, colour, ok := glance.OnTerminal(screen, out)
	if !ok {
		l.plain = true
		return l
	}
	l.board, l.out, l.view.Colour = board, board, colour
	return l
}

// glance is what the worker calls once a second; nil where nobody looks.
func (l *look) glance(log *zap.Logger) func(status.Status) {
	if l.board == nil && !l.plain {
		return nil
	}
	return func(of status.Status) {
		body, err := json.Marshal(of)
		if err != nil {
			return // unreachable: /status is the same
		}
		s, err := glance.Of(body)
		if err != nil {
			return // unreachable: as above
		}
		now := time.Now()
		if l.board != nil {
			l.board.Show(l.view.Lines(s, now)...)
			return
		}
		idle := s.Messages.Held == 0 && s.Messages.Received == l.last && !s.Circuit.Open
		if now.Sub(l.said) < plainEvery || idle {
			return
		}
		l.said, l.last = now, s.Messages.Received
		log.Info(l.view.Line(s, now))
	}
}

// end takes the status away: the last line of the log has the sums.
func (l *look) end() {
	if l.board != nil {
		l.board.Show()
	}
}
