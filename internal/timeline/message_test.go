package timeline_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

const queueURL = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates"

// counted are the worker's own series, a histogram by how many it observed.
func counted(t *testing.T, m *telemetry.Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "worker_") && !strings.HasPrefix(f.GetName(), "messaging_") {
			continue
		}
		for _, metric := range f.GetMetric() {
			var name strings.Builder
			name.WriteString(f.GetName())
			for _, label := range metric.GetLabel() {
				if label.GetName() != "messaging_system" && label.GetName() != "messaging_destination_name" {
					name.WriteString(" " + label.GetValue())
				}
			}
			series[name.String()] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return series
}

func TestWhatHappensIsCountedOnce(t *testing.T) {
	m := telemetry.NewMetrics()
	for _, stories := range []*timeline.Log{nil, timeline.New(timeline.Options{})} {
		r := timeline.Recorder{Metrics: m, Queue: m.Source(queueURL), Stories: stories}
		var s timeline.Message
		var call timeline.Call
		begin := func() { call = timeline.StartCall(m, nil, "lamp", 1, func(int) *timeline.Message { return &s }) }
		for _, c := range []struct {
			name string
			tell func()
			want map[string]float64
		}{
			{"received", func() { s = r.Received(message.Incoming{ID: "m", SentAt: time.Now()}, time.Now()) }, map[string]float64{"worker_messages_received_total": 1}},
			{"without a span", func() { s.TracedBelow(nil); s.About("lamp") }, nil},
			{"received again", func() { s.ReceivedAgain(2) }, map[string]float64{"worker_messages_received_again_total": 1}},
			{"lease renewed", func() { s.LeaseRenewed(time.Minute) }, map[string]float64{"worker_leases_renewed_total": 1}},
			{"lease lost", s.LeaseLost, map[string]float64{"worker_leases_lost_total": 1}},
			{"stranded", s.Stranded, map[string]float64{"worker_messages_stranded_total": 1}},
			{"call begins", begin, map[string]float64{"worker_api_calls_in_flight": 1}},
			{"call not made", func() { call.NotMade() }, map[string]float64{"worker_api_calls_in_flight": -1}},
			{"another call begins", begin, map[string]float64{"worker_api_calls_in_flight": 1}},
			{"call fails", func() {
				a := timeline.Answer{Result: telemetry.CallTimeout, Code: "timeout"}
				call.Ended(&a)
				s.Called(a)
			}, map[string]float64{"worker_api_calls_in_flight": -1, "worker_api_calls_total timeout": 1, "worker_api_call_seconds": 1}},
			{"it counts", func() { s.Attempted(telemetry.Counted, 1) }, map[string]float64{"worker_failed_attempts_total yes": 1}},
			{"it does not", func() { s.Attempted(telemetry.Trouble, 1) }, map[string]float64{"worker_failed_attempts_total trouble": 1}},
			{"circuit open", func() { s.Counts(timeline.WhileTheCircuitIsOpen, 1) }, nil},
			{"lost to one that waited", func() { s.LostTo(telemetry.LostToWaiting, time.Second, "") }, map[string]float64{"worker_superseded_by_seconds waiting": 1}},
			{"lost to one before", func() { s.LostTo(telemetry.LostToRecord, time.Second, "") }, map[string]float64{"worker_superseded_by_seconds record": 1}},
			{"letter put off", func() { s.LetterPutOff("timeout", time.Minute) }, map[string]float64{"worker_dead_letters_put_off_total": 1}},
			{"let go", func() { s.LetGo("timeout", time.Minute) }, map[string]float64{"worker_messages_let_go_total": 1}},
			{"the rest", func() {
				s.HeldTooLong()
				s.Stopping()
				s.Again(time.Second)
				s.Waits(timeline.ForItsTurn, 0, "")
				s.LetterFailed("timeout")
				s.Unsettled("timeout")
				s.Deleted()
				s.Visible()
			}, nil},
			{"applied", func() { s.Ended(message.Applied, nil) }, map[string]float64{
				"worker_messages_settled_total applied": 1, "worker_sent_to_applied_seconds": 1, "messaging_process_duration_seconds  process": 1,
			}},
			{"released", func() { s.Ended(message.Released, nil) }, map[string]float64{
				"worker_messages_settled_total released": 1, "messaging_process_duration_seconds  process": 1,
			}},
			{"dead-lettered", func() { s.Ended(message.DeadLettered, &message.Failure{Reason: message.Rejected}) }, map[string]float64{
				"worker_messages_settled_total dead_lettered": 1, "messaging_process_duration_seconds rejected process": 1,
			}},
		} {
			before := counted(t, m)
			c.tell()
			after := counted(t, m)
			maps.DeleteFunc(after, func(name string, n float64) bool { return n == before[name] })
			for name := range after {
				after[name] -= before[name]
			}
			if !maps.Equal(after, c.want) {
				t.Errorf("%s: counted %v, want %v", c.name, after, c.want)
			}
		}
	}
}

func TestEachSpanEndsOnce(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	traces := telemetry.NewTraces(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	defer func() { _ = traces.Close(context.Background()) }()
	r := timeline.Recorder{Metrics: metrics}
	of := make([]timeline.Message, 2)
	receiving := traces.Receive(queueURL, time.Now(), 1, "r")
	of[0] = r.Received(message.Incoming{ID: "traced"}, time.Now())
	of[0].TracedBelow(receiving)
	of[1] = r.Received(message.Incoming{ID: "without a span"}, time.Now())
	receiving.End()
	begin := func() timeline.Call {
		return timeline.StartCall(metrics, traces, "lamp", len(of), func(i int) *timeline.Message { return &of[i] })
	}
	begin().NotMade()
	begin().Ended(&timeline.Answer{Result: telemetry.CallOK})
	for i := range of {
		of[i].Ended(message.Applied, nil)
	}
	ended := map[string]int{}
	for _, s := range spans.Ended() {
		ended[s.Name()]++
	}
	want := map[string]int{"receive updates": 1, "process updates": 1, "UpdateManagedThing": 2}
	if !maps.Equal(ended, want) || len(spans.Started()) != 4 {
		t.Errorf("ended %v of %d, want %v", ended, len(spans.Started()), want)
	}
}
