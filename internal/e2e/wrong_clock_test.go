package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestAClockThatIsWrongAtTheStartIsCorrected(t *testing.T) {
	for off, says := range map[time.Duration]string{
		10 * time.Minute:  "10m0s behind AWS's",
		-10 * time.Minute: "ahead of AWS's",
		-3 * time.Hour:    "ahead of AWS's",
	} {
		subtest(t, "the cloud's clock is ahead by "+off.String(), layout{cloud: localcloud.Options{ClockAhead: off}}, func(t *testing.T, r *rig) {
			r.sendNames("thing", 20)
			w := r.start(func(o *app.Options) { o.Examine = true })
			r.drained(30 * time.Second)
			time.Sleep(time.Minute) // for the doctor's last word
			w.stopped()
			r.wantAppliedOnce("thing", 20)
			var said []string
			for _, e := range w.logs.All() {
				if e.Level >= zapcore.WarnLevel {
					said = append(said, e.Message)
				}
			}
			if len(said) != 1 || !strings.Contains(said[0], says) || !strings.Contains(said[0], "clock") {
				t.Errorf("said %q, want one line that says %q\n%s", said, says, w.lines())
			}
		})
	}
}

// A clock that is wrong explains one refusal, not a wrong secret.
func TestAWrongSecretIsToldThoughTheClockIsWrongToo(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{ClockAhead: time.Hour}}, func(t *testing.T, r *rig) {
		w := r.start(func(o *app.Options) { o.AWS.Credentials = credentials("AKIDLOCAL", "not the secret", nil) })
		began := time.Now()
		<-w.done
		if took := time.Since(began); w.err == nil || !strings.Contains(w.err.Error(), "credentials") || took > 10*time.Second {
			t.Errorf("after %v: %v", took, w.err)
		}
	})
}

func TestTheGraceOfAThingOnItsWayIsCountedBySQSsClock(t *testing.T) {
	for _, off := range []time.Duration{0, -2 * time.Minute, 2 * time.Minute, -time.Hour} {
		layout := layout{cloud: localcloud.Options{ClockAhead: off}}
		subtest(t, "a thing that comes after 40 s, the cloud's clock ahead by "+off.String(), layout, func(t *testing.T, r *rig) {
			r.cloud.Things.Remove("late")
			defer r.traffic(time.Second)()
			r.start()
			time.Sleep(10 * time.Second)
			id := r.send(name("late", "new"))
			time.Sleep(40 * time.Second)
			r.cloud.Things.Create("late")
			r.until("the message is settled", 2*time.Minute, func() bool { return !r.inQueue(id) })
			r.wantMember("late", "Name", `"new"`)
			r.wantNoLetters()
		})
		subtest(t, "a thing that never comes, the cloud's clock ahead by "+off.String(), layout, func(t *testing.T, r *rig) {
			r.cloud.Things.Remove("never")
			defer r.traffic(time.Second)()
			r.start()
			time.Sleep(10 * time.Second)
			id := r.send(name("never", "new"))
			sent := time.Now()
			r.until("the message is settled", 5*time.Minute, func() bool { return !r.inQueue(id) })
			if took := time.Since(sent); took < time.Minute || took > 90*time.Second {
				t.Errorf("dead-lettered after %v", took)
			}
			r.oneLetter(message.NotFound)
		})
	}
}

func (r *rig) inQueue(id string) bool {
	for _, m := range r.cloud.SQS.Messages(r.queue) {
		if m.ID == id {
			return true
		}
	}
	return false
}

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
