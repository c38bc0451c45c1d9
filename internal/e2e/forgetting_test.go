package e2e

import (
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
)

// onlyMiB leaves state in memory room for some 2,000 things.
var onlyMiB = layout{settings: func(c *config.Config) { c.StateBytes = 1 << 20 }}

// reach is worker_state_reach_seconds.
func (w *worker) reach(of string) float64 {
	w.t.Helper()
	families, err := w.Metrics().Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "worker_state_reach_seconds" && m.GetLabel()[0].GetValue() == of {
				return m.GetGauge().GetValue()
			}
		}
	}
	w.t.Fatalf("there is no worker_state_reach_seconds of %s", of)
	return 0
}

// What state in memory has no room for it forgets, and it says so: in the status, the
// metrics and the log. An update that is as late as that is applied; one that the status
// says is recognised is.
func TestTheFenceReachesAsFarBackAsTheStatusSays(t *testing.T) {
	inBubble(t, onlyMiB, func(t *testing.T, r *rig) {
		w := r.start()
		began := time.Now()
		late := began.Add(-time.Minute)
		r.send(name("forgotten", "new"))
		r.drained(time.Minute)
		applied := time.Now()
		if s := w.Status().Store; !s.Since.Equal(w.Status().Started) || s.Memory.Forgotten != 0 || s.Memory.MaxBytes != 1<<20 {
			t.Errorf("before anything is forgotten: %+v, %+v", s, s.Memory)
		}
		time.Sleep(time.Minute)
		r.sendNames("filling", 3000)
		r.drained(10 * time.Minute)
		r.send(name("recognised", "new"))
		r.drained(time.Minute)
		time.Sleep(forgettingNoticed)

		s := w.Status().Store
		if s.Since.Before(applied) || s.Memory.Forgotten == 0 || s.Memory.Bytes > 1<<20 {
			t.Errorf("recognised back to %v, %+v: want later than %v, when a thing was applied that is forgotten", s.Since, s.Memory, applied)
		}
		if !s.DuplicatesSince.Equal(s.Since) {
			t.Errorf("duplicates are known since %v, versions since %v: they went together", s.DuplicatesSince, s.Since)
		}
		for _, of := range []string{"version", "dedup_key"} {
			if got, want := w.reach(of), time.Since(s.Since).Seconds(); got != want {
				t.Errorf("the metric says %s reaches back %v s, the status %v s", of, got, want)
			}
		}
		if lines := w.lines(); strings.Count(lines, "state in memory is full") != 1 {
			t.Errorf("want one line that says so:\n%s", lines)
		}
		r.sendAt(late, name("forgotten", "late"))
		r.sendAt(late, name("recognised", "late"))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("recognised", "Name", `"new"`)
		r.wantMember("forgotten", "Name", `"late"`)
	})
}

// forgettingNoticed is longer than the log may take to say so.
const forgettingNoticed = 10 * time.Second

// Things whose calls are refused push out nothing that is known.
func TestAFloodOfThingsThatAreRefusedEmptiesNoFence(t *testing.T) {
	inBubble(t, onlyMiB, func(t *testing.T, r *rig) {
		r.callsFail("refused*", status(400, "ValidationException"))
		w := r.start()
		began := time.Now()
		r.send(name("thing", "new"))
		feed := r.traffic(time.Second) // others succeed: the service is not in trouble
		time.Sleep(time.Minute)
		r.sendNames("refused", 4000)
		r.until("all are dead-lettered", time.Hour, func() bool { return w.Status().DeadLetters["rejected"] == 4000 })
		feed()
		if s := w.Status().Store; s.Memory.Forgotten != 0 || s.Memory.Things > 51 {
			t.Errorf("%+v after 4,000 things that were refused, want the 51 others", s.Memory)
		}
		r.sendAt(began.Add(-time.Minute), name("thing", "late"))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("thing", "Name", `"new"`)
	})
}
