package updater

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// lease is one that never ends.
type lease struct{ backlog.Claim }

func (lease) Live() bool { return true }

// A probe goes out before its time, whatever the thing waits for.
func TestAProbeCountsNoAttempt(t *testing.T) {
	for _, probe := range []bool{false, true} {
		b := backlog.New()
		u := New(b, nil, nil, nil, telemetry.NewMetrics(), zap.NewNop(), Options{})
		add := func(thing string) {
			b.Add(&backlog.Item{Update: &message.Update{Thing: thing}, Claim: &lease{}})
		}
		add("other")
		other := b.Take()
		add("sick")
		for range 2 * evidenceCalls {
			b.Count(other, backlog.Tally{Ended: 1, Answered: 1, Succeeded: 1})
		}
		take := b.Take
		if probe {
			take = b.TakeProbe
		}
		turn := take()
		spent := u.countAll(turn, backlog.Plan{Carried: turn.Items}, time.Now(), 1)
		want := 1
		if probe {
			want = 0
		}
		if got := turn.Items[0].Attempts; got.Counted != want || len(spent) > 0 {
			t.Errorf("probe %v: %d attempts counted, want %d", probe, got.Counted, want)
		}
		if others := b.Others(turn); turn.Items[0].Attempts.Others != others {
			t.Errorf("probe %v: the next attempt would be judged by calls from before this one", probe)
		}
	}
}
