package updater

import (
	"testing"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/telemetry"
)

func TestAFailureCountsOnlyWhileOtherThingsFareWell(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		since backlog.Tally
		want  telemetry.Counting
	}{
		{"nothing else was called", backlog.Tally{}, telemetry.NoEvidence},
		{"nine others succeeded", backlog.Tally{Ended: 9, Answered: 9, Succeeded: 9}, telemetry.NoEvidence},
		{"ten others succeeded", backlog.Tally{Ended: 10, Answered: 10, Succeeded: 10}, telemetry.Counted},
		{"nine of ten succeeded", backlog.Tally{Ended: 10, Answered: 10, Succeeded: 9}, telemetry.Counted},
		{"eight of ten succeeded", backlog.Tally{Ended: 10, Answered: 10, Succeeded: 8}, telemetry.Trouble},
		{"ten succeeded and ten timed out", backlog.Tally{Ended: 20, Answered: 10, Succeeded: 10}, telemetry.Trouble},
		{"a thousand timed out", backlog.Tally{Ended: 1000}, telemetry.NoEvidence},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := backlog.Attempts{Others: backlog.Tally{Ended: 100, Answered: 100, Succeeded: 50}}
			others := backlog.Tally{Ended: 100 + c.since.Ended, Answered: 100 + c.since.Answered, Succeeded: 50 + c.since.Succeeded}
			if got := count(&a, others, now); got != c.want {
				t.Errorf("counted %q, want %q", got, c.want)
			}
			if a.Others != others {
				t.Error("the next attempt would be judged by calls from before this one")
			}
		})
	}
}

func TestAttemptsAreSpentOnlyOverTwoMinutes(t *testing.T) {
	first := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := backlog.Attempts{Counted: 8, First: first}
	if usedUp(a, 8, first.Add(attemptsSpan-time.Second)) {
		t.Error("eight failures within two minutes are enough")
	}
	if !usedUp(a, 8, first.Add(attemptsSpan)) {
		t.Error("eight failures over two minutes are not enough")
	}
	a.Counted = 7
	if usedUp(a, 8, first.Add(time.Hour)) {
		t.Error("seven failures are enough for eight attempts")
	}
}
