package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/status"
)

// looked is what worker run writes to a file, of a worker that received a message in
// each of the first 25 seconds of a minute.
func looked(t *testing.T, format string) (text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(queueVar)
		f.runApp = func(_ context.Context, _ config.Config, o app.Options) error {
			for second := range 60 {
				if o.OnStatus != nil {
					o.OnStatus(status.Status{State: "receiving", Messages: status.MessageStatus{Received: min(second, 25), Outcomes: map[string]int{"applied": second}}})
				}
				time.Sleep(time.Second)
			}
			return nil
		}
		if code := f.run(t, "run", "--log-format", format); code != 0 {
			t.Errorf("exit code %d", code)
		}
		text = f.err.String()
	})
	return text
}

func TestTheStatusIsALineNowAndThenWhereThereIsNoTerminal(t *testing.T) {
	text := looked(t, "console")
	if n := strings.Count(text, "receiving, for"); n != 4 || strings.Count(text, "\n") != n || strings.Contains(text, "\x1b") {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

func TestTheStatusIsNotInLogsForMachines(t *testing.T) {
	if text := looked(t, "json"); text != "" {
		t.Errorf("got %s", text)
	}
}
