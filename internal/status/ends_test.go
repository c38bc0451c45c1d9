package status

import (
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/admission"
	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// What is shown of rates and durations is a number at the ends of what may be: nothing,
// the least rate, ten million messages, a clock that is behind SQS's.

// fixedPace is a pace with a rate of its own and nothing else.
type fixedPace struct {
	pace.Pace
	rate float64
}

func (p fixedPace) Rate() float64 { return p.rate }

// reporter is one of a worker that has nothing but a pace.
func reporter(p pace.Pace) *Reporter {
	b, circuit := backlog.New(), pace.NewCircuit(time.Second, nil)
	r := New(Sources{
		Config: config.Default(), Log: zap.NewNop(), Level: zap.NewAtomicLevel(), Metrics: telemetry.NewMetrics(), Backlog: b, Circuit: circuit,
		Admission: admission.New(admission.Options{MaxHeld: 100, Waiting: b, Circuit: circuit}),
	})
	r.parts.Store(&Parts{Pace: p})
	return r
}

func TestTheTimeToDrainAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		rate   float64
		queued int
		lately shares
		known  bool
		want   float64
	}{
		{"nothing waits", 10, 0, shares{rate: 10}, true, 0},
		{"ten million at the least rate, 99% throttled", pace.MinRate, 1e7, shares{rate: pace.MinRate, throttled: 0.99}, true, 1e10},
		{"all throttled, which counts as 99%", pace.MinRate, 1e7, shares{rate: pace.MinRate, throttled: 1}, true, 1e10},
		{"no rate, in the last minute", 10, 10, shares{}, false, 0},
		{"no rate", 0, 10, shares{rate: 10}, false, 0},
		{"the highest rate", 1e6, 1e7, shares{rate: 1e6}, true, 10},
	} {
		r := reporter(fixedPace{rate: c.rate})
		r.queued.Store(&c.queued)
		seconds, ok := r.drain(c.lately)
		if ok != c.known || math.Abs(seconds-c.want) > 1e-6*c.want {
			t.Errorf("%s: %v s, %v, want %v s, %v", c.name, seconds, ok, c.want, c.known)
		}
		if _, err := json.Marshal(seconds); err != nil {
			t.Errorf("%s: /status cannot show it: %v", c.name, err)
		}
	}
}

func TestTheExpectedWaitAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		rate float64
		want time.Duration
	}{
		{0, 0},
		{math.NaN(), 0},
		{1e-12, longestWait},
		{pace.MinRate, 10 * time.Second},
		{1e6, time.Microsecond},
	} {
		r := reporter(fixedPace{rate: c.rate})
		r.of.Backlog.Add(&backlog.Item{Message: &timeline.Message{}, Waiting: merge.Waiting{Update: &message.Update{Thing: "lamp"}}})
		if got := r.ExpectedWait(); got != c.want {
			t.Errorf("at %v calls a second: %v, want %v", c.rate, got, c.want)
		}
	}
}

func TestSharesAtTheirEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s lastMinute
		zero := func(rate float64) mark { return mark{at: time.Now(), rate: rate} }
		for _, rate := range []float64{0, pace.MinRate, 1e6} {
			if _, got := s.since(zero(rate)); got.utilisation != 0 || got.throttled != 0 || got.perCall != 0 || got.perMessage != 0 || got.callSeconds != 0 {
				t.Errorf("at %v calls a second, of nothing: %+v", rate, got)
			}
			s.note(zero(rate)) // two marks of one moment: no time has passed between them
			s.note(zero(rate))
		}
		time.Sleep(time.Minute)
		full := mark{at: time.Now(), rate: 1e6, calls: 1e12, throttled: 1e12, settled: 1e7, ended: 1e7, requests: 1e12, answers: 1e12, seconds: 1e12}
		_, got := s.since(full)
		for name, v := range map[string]float64{"rate": got.rate, "utilisation": got.utilisation, "throttled": got.throttled, "per call": got.perCall, "per message": got.perMessage, "seconds": got.callSeconds} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				t.Errorf("%s: %v", name, v)
			}
		}
	})
}

func TestTheCircuitsReasonsHaveTheirSeriesFromTheStart(t *testing.T) {
	families, err := reporter(nil).of.Metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "worker_circuit_opened_total" && len(f.GetMetric()) == len(pace.OpenReasons) {
			return
		}
	}
	t.Error("not every reason why the circuit opens has its series")
}

// The page and the admin server run before the worker is built.
func TestWhileStartingItSaysWhatIsKnown(t *testing.T) {
	r := reporter(nil)
	r.parts.Store(nil)
	r.of.Config.QueueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates"
	r.Phase(Starting, "starting: waiting for AWS credentials")
	s := r.Status()
	if s.State != Starting || s.Reason != "starting: waiting for AWS credentials" || s.Queue != r.of.Config.QueueURL || s.Store.Kind == "" {
		t.Errorf("got %+v", s)
	}
	if ok, reason := r.Ready(); ok || reason != s.Reason {
		t.Errorf("ready: %v %q", ok, reason)
	}
	if hot := r.Hottest(); hot == nil || len(hot) > 0 {
		t.Errorf("hottest: %v, want an empty list", hot)
	}
	if _, known := r.Find("none"); known {
		t.Error("it knows a message that never came")
	}
}
