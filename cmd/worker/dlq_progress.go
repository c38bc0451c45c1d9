package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/telemetry"
)

// sayEvery is how often progress is said where there is no terminal to show it on.
const sayEvery = 10 * time.Second

// progress shows how far a redrive is: a bar on a terminal, else a line now and
// then, on standard error.
type progress struct {
	bar   *progressbar.ProgressBar // nil: no terminal
	lines *telemetry.LogWriter     // nil: a terminal
	total int                      // about
	limit int                      // 0: none
	said  time.Time
}

func (c cli) newProgress(total, limit int) *progress {
	p := &progress{total: total, limit: limit, said: time.Now()}
	if file, ok := c.screen.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(max(1, total),
			progressbar.OptionSetWriter(file), progressbar.OptionSetDescription("moving letters"),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
		return p
	}
	// The letters do not wait for who reads how far they are.
	p.lines = telemetry.NewLogWriter(c.stderr, func(int) []byte { return nil })
	return p
}

func (p *progress) show(s redrive.Sums) {
	done, total := s.Settled(), max(p.total, s.Looked)
	if p.limit > 0 {
		done, total = s.Moved, min(total, p.limit)
	}
	switch {
	case p.bar != nil:
		p.bar.ChangeMax(max(1, total))
		_ = p.bar.Set(min(done, max(1, total)-1)) // full only at the end: it would start a new one
	case time.Since(p.said) >= sayEvery:
		p.said = time.Now()
		_, _ = fmt.Fprintf(p.lines, "moved %d, done with %d of about %d letters; %d came back\n", s.Moved, done, total, s.CameBack)
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		return
	}
	p.lines.Close(lastLinesAtMost)
}
