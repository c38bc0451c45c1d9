package evidence_test

import (
	"testing"
	"time"

	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/telemetry"
)

func TestAFailureCountsOnlyWhileOtherThingsFareWell(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		since evidence.CallCounts
		want  telemetry.Counting
	}{
		{"nothing else was called", evidence.CallCounts{}, telemetry.NoEvidence},
		{"nine others succeeded", evidence.CallCounts{Ended: 9, Answered: 9, Succeeded: 9}, telemetry.NoEvidence},
		{"ten others succeeded", evidence.CallCounts{Ended: 10, Answered: 10, Succeeded: 10}, telemetry.Counted},
		{"nine of ten succeeded", evidence.CallCounts{Ended: 10, Answered: 10, Succeeded: 9}, telemetry.Counted},
		{"eight of ten succeeded", evidence.CallCounts{Ended: 10, Answered: 10, Succeeded: 8}, telemetry.Trouble},
		{"ten succeeded and ten timed out", evidence.CallCounts{Ended: 20, Answered: 10, Succeeded: 10}, telemetry.Trouble},
		{"a thousand timed out", evidence.CallCounts{Ended: 1000}, telemetry.NoEvidence},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := evidence.Evidence{OtherCalls: evidence.CallCounts{Ended: 100, Answered: 100, Succeeded: 50}}
			others := evidence.CallCounts{Ended: 100 + c.since.Ended, Answered: 100 + c.since.Answered, Succeeded: 50 + c.since.Succeeded}
			if got := a.Count(others, now); got != c.want {
				t.Errorf("counted %q, want %q", got, c.want)
			}
			if a.OtherCalls != others {
				t.Error("the next failure would be judged by calls from before this one")
			}
		})
	}
}

func TestEnoughEvidenceSpansTwoMinutes(t *testing.T) {
	first := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a := evidence.Evidence{Counted: 8, First: first}
	if a.Enough(8, first.Add(evidence.Span-time.Second)) {
		t.Error("eight failures within two minutes are enough")
	}
	if !a.Enough(8, first.Add(evidence.Span)) {
		t.Error("eight failures over two minutes are not enough")
	}
	a.Counted = 7
	if a.Enough(8, first.Add(time.Hour)) {
		t.Error("seven failures are enough, of eight")
	}
}
