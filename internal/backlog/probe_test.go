package backlog_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/backlog"
)

func TestThingsTakeTurnsAtProbesUntilAllWereProbed(t *testing.T) {
	for _, apart := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := backlog.New()
			b.Add(item("a", 1), item("b", 2), item("c", 3))
			since := time.Now()
			time.Sleep(time.Second)
			var probed []string
			for n := range 6 {
				if got, want := b.AllProbedSince(since), n >= 3; got != want {
					t.Errorf("after %d probes of 3 things, all probed: %v", n, got)
				}
				turn := b.TakeProbe()
				probed = append(probed, turn.Thing)
				b.Done(turn, nil, backlog.Next{})
				time.Sleep(apart)
			}
			if want := []string{"a", "b", "c", "a", "b", "c"}; !slices.Equal(probed, want) {
				t.Errorf("probes %v apart went to %v, want %v", apart, probed, want)
			}
			b.Add(item("d", 4))
			if b.AllProbedSince(since) {
				t.Error("a new thing counts as probed")
			}
			b.TakeProbe() // what is in its turn does not wait
			if !b.AllProbedSince(since) {
				t.Error("the one thing that was not probed is being probed")
			}
			if b.AllProbedSince(time.Now().Add(time.Minute)) {
				t.Error("probes of before count as later ones")
			}
		})
	}
}
