package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestTheNumbersOfAScarceMinute(t *testing.T) {
	inBubble(t, ofQuota(10), func(t *testing.T, r *rig) {
		for n := range 4000 { // four messages a thing
			r.send(name(fmt.Sprint("thing-", n/4), "new"))
		}
		w := r.start()
		time.Sleep(90 * time.Second)
		s := w.Status()
		if p := s.Pace; p.Utilisation < 0.9 || p.ThrottledShare <= 0 || p.ThrottledShare > 0.1 || p.MessagesPerCall < 3 || p.MoreInQueue {
			t.Errorf("pace: %+v", p)
		}
		left := float64(s.Backlog.Things)
		if d := s.Pace.DrainSeconds; d == nil || *d < left/13 || *d > left/8 {
			t.Errorf("%v seconds to drain %v things at 10/s", d, left)
		}
		shown := map[string]bool{}
		families, err := w.Metrics().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			shown[f.GetName()] = true
		}
		for _, metric := range []string{"worker_rate", "worker_rate_utilisation", "worker_throttled_share", "worker_messages_per_call", "worker_drain_seconds"} {
			if !shown[metric] {
				t.Errorf("no metric %s", metric)
			}
		}
		r.drained(5 * time.Minute)
		time.Sleep(2 * time.Minute)
		if p := w.Status().Pace; p.Utilisation != 0 || p.ThrottledShare != 0 || p.MessagesPerCall != 0 || *p.DrainSeconds != 0 {
			t.Errorf("after two minutes without messages: %+v", p)
		}
		w.stopped()
	})
}

// TestTheTimeToDrainFollowsAFallingQuota: the rate of the minute before says nothing of
// how long the rest takes.
func TestTheTimeToDrainFollowsAFallingQuota(t *testing.T) {
	inBubble(t, ofQuota(20), func(t *testing.T, r *rig) {
		for n := range 1600 {
			r.send(name(fmt.Sprint("thing-", n), "new"))
		}
		w := r.start()
		time.Sleep(time.Minute)
		r.cloud.Things.SetQuota(2, 2)
		time.Sleep(20 * time.Second)
		s := w.Status()
		left := float64(s.Backlog.Things)
		if d := s.Pace.DrainSeconds; d == nil || *d < left/2.6 {
			t.Errorf("%v seconds to drain %v things at 2/s: %+v", d, left, s.Pace)
		}
		r.cloud.Things.SetQuota(1000, 1000)
		r.drained(5 * time.Minute)
		w.stopped()
	})
}
