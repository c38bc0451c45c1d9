package doctor_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/doctor"
)

func decode(t *testing.T, text string) map[string]string {
	t.Helper()
	var out map[string]string
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func TestTheWorstComesFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		b.settings["WORKER_VISIBILITY_TIMEOUT"] = "1s"
		b.deny("SendMessage", "updates-dlq")
		r := b.examine()
		if len(r.Findings) < 3 || r.Findings[0].Severity != doctor.Wrong || r.Findings[1].Severity != doctor.Warning || r.Findings[2].Severity != doctor.Note {
			t.Errorf("%+v", r.Findings)
		}
		text := show(r)
		for _, part := range []string{"WRONG  permission-send\n", "WARNING  visibility\n", "NOTE  state\n", "checks: 1 wrong, 1 warning, ", "run worker doctor again"} {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in:\n%s", part, text)
			}
		}
		var out strings.Builder
		if err := r.JSON(&out); err != nil {
			t.Fatal(err)
		}
		var back doctor.Report
		if err := json.Unmarshal([]byte(out.String()), &back); err != nil || len(back.Findings) != len(r.Findings) || back.Queue != b.source || back.DeadLetterQueue != b.dead {
			t.Errorf("%v: %s", err, out.String())
		}
	})
}

// What is wrong with a shared store it says itself.
func TestAStateStoreIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		state doctor.StateReport
		want  doctor.Severity
	}{
		"broken":  {doctor.StateReport{Fault: "there is no table things", Fix: "create it"}, doctor.Wrong},
		"away":    {doctor.StateReport{Fault: "redis://store:6379: connection refused", Fix: "start it"}, doctor.Wrong},
		"forgets": {doctor.StateReport{Warnings: []string{"the table never forgets an item; let it do so"}}, doctor.Warning},
		"sound":   {doctor.StateReport{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bed) {
				b.state = c.state
				r := b.examineShared(35 * 24 * time.Hour)
				if name == "away" && !strings.Contains(show(r), "\n  redis://store:6379: connection refused.\n") {
					t.Errorf("the address is changed:\n%s", show(r))
				}
				if got := found(r)["state"]; got != c.want || len(found(r)) > 1 {
					t.Errorf("%v, want %q:\n%s", found(r), c.want, show(r))
				}
			})
		})
	}
}

func TestASharedStateThatForgetsTooSoon(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		if r := b.examineShared(15 * 24 * time.Hour); found(r)["state-versions"] != doctor.Warning {
			t.Errorf("%v:\n%s", found(r), show(r))
		}
	})
}
