package updater

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
)

// A probe goes out before its time, whatever the thing waits for.
func TestAProbeCountsNoAttempt(t *testing.T) {
	for _, probe := range []bool{false, true} {
		b := backlog.New()
		u := New(b, nil, nil, nil, telemetry.NewMetrics(), zap.NewNop(), Options{})
		add := func(thing string) {
			b.Add(update(thing, "on", 0))
		}
		add("other")
		other := b.Take()
		add("sick")
		for range 2 * evidence.Calls {
			b.Count(other, evidence.Score{Ended: 1, Answered: 1, Succeeded: 1})
		}
		take := b.Take
		if probe {
			take = b.TakeProbe
		}
		turn := take()
		spent := u.countAll(turn, turn.Items, time.Now(), 1)
		want := 1
		if probe {
			want = 0
		}
		if got := turn.Items[0].Evidence; got.Counted != want || len(spent) > 0 {
			t.Errorf("probe %v: %d attempts counted, want %d", probe, got.Counted, want)
		}
		if others := b.Others(turn); turn.Items[0].Evidence.Others != others {
			t.Errorf("probe %v: the next attempt would be judged by calls from before this one", probe)
		}
	}
}

// The older of two updates is not in the call, but hangs on it: calls from before the
// trouble say nothing of its next failure either.
func TestAFailureWhileTheCircuitIsOpenIsBehindAllWhoHungOnIt(t *testing.T) {
	b := backlog.New()
	circuit := pace.NewCircuit(time.Second, nil)
	u := New(b, nil, nil, nil, telemetry.NewMetrics(), zap.NewNop(), Options{Circuit: circuit})
	add := func(thing string) {
		b.Add(update(thing, "on", 0))
	}
	add("other")
	other := b.Take()
	add("sick")
	add("sick")
	turn := b.Take()
	for range 2 * evidence.Calls {
		b.Count(other, evidence.Score{Ended: 1, Answered: 1, Succeeded: 1})
	}
	circuit.Ended("other", pace.NotUs, "ExpiredToken")
	u.failed(turn, turn.Items[1:], failure{fault: trouble, code: "connection"})
	for i, it := range turn.Items {
		if it.Evidence.Others != b.Others(turn) {
			t.Errorf("update %d: its next failure would be judged by calls from before the trouble", i)
		}
	}
}
