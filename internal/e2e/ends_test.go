package e2e

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

// Our clock may be behind SQS's: a message is then from the future. Its age is 0, in
// /status, on the page and in every metric: a sum of negative ages would fall, and a
// counter that falls counts as one that was started anew.
func TestAClockThatIsBehindSQSsShowsNoNegativeAge(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.CallTimeout = 30 * time.Second }}, func(t *testing.T, r *rig) {
		r.callsFail("*", &localcloud.Fault{Delay: 5 * time.Second})
		w := r.start()
		time.Sleep(time.Second)
		for range 3 { // of one thing: two wait for the first
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("lamp", "new"), SentAt: time.Now().Add(time.Hour)})
			time.Sleep(time.Second)
		}
		if s := w.Status().Backlog; s.Items == 0 || s.OldestSeconds != 0 {
			t.Errorf("with messages from the future: %+v", s)
		}
		w.wantSoundNumbers()
		r.drained(5 * time.Minute)
		w.wantSoundNumbers()
		w.stopped()
	})
}

// wantSoundNumbers checks that /status can be written, and that no metric is negative
// or infinite. NaN is for what is not known.
func (w *worker) wantSoundNumbers() {
	w.t.Helper()
	if _, err := json.Marshal(w.Status()); err != nil {
		w.t.Errorf("/status: %v", err)
	}
	families, err := w.Metrics().Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if v := valueOf(m); v < 0 || math.IsInf(v, 0) {
				w.t.Errorf("%s %v is %v", f.GetName(), m.GetLabel(), v)
			}
		}
	}
}

// valueOf is a metric's value, or the sum of its observations.
func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Gauge != nil:
		return m.GetGauge().GetValue()
	case m.Counter != nil:
		return m.GetCounter().GetValue()
	case m.Histogram != nil:
		return m.GetHistogram().GetSampleSum()
	}
	return 0
}
