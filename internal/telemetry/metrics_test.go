package telemetry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Gauge("held", "Messages held.", func() float64 { return 0 })
	m.Source("https://sqs.eu-west-1.amazonaws.com/123456789012/updates")
	m.DeadLetterQueue("https://sqs.eu-west-1.amazonaws.com/123456789012/updates-dlq")
	series := gather(t, m)
	want := map[string]int{
		"worker_messages_settled_total":      len(message.Outcomes),
		"worker_dead_letters_total":          len(message.Reasons),
		"worker_event_times_ignored_total":   len(message.TimeFaults),
		"worker_api_calls_total":             len(telemetry.CallResults),
		"worker_failed_attempts_total":       3,
		"worker_superseded_by_seconds":       2,
		"worker_sent_to_applied_seconds":     1,
		"worker_possible_stale_writes_total": 1,

		"messaging_client_consumed_messages_total":    1,
		"messaging_client_operation_duration_seconds": 2 * 4, // receive, delete, change_visibility, send; well and failed
		"messaging_process_duration_seconds":          1 + len(message.Reasons),

		"worker_sqs_requests_total":            2 * len(telemetry.SQSActions),
		"worker_messages_received_total":       1,
		"worker_messages_received_again_total": 1,
		"worker_messages_stranded_total":       1,
		"worker_polls_cut_total":               1,
		"worker_leases_lost_total":             1,
		"worker_api_call_seconds":              1,
		"worker_api_calls_in_flight":           1,
		"worker_held":                          1,
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		values := series[name]
		if len(values) != want[name] {
			t.Errorf("%s has %d series, want %d", name, len(values), want[name])
		}
	}
	for name, values := range series {
		if !strings.HasPrefix(name, "worker_") && !strings.HasPrefix(name, "messaging_") {
			continue
		}
		for _, v := range values {
			if v != 0 {
				t.Errorf("%s starts at %v", name, v)
			}
		}
	}
	if len(series["go_goroutines"]) != 1 || len(series["process_start_time_seconds"]) != 1 {
		t.Error("the Go runtime's or the process's own metrics are missing")
	}
}

func TestASeriesSaysSinceWhenItCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.NewMetrics()
		start := time.Now()
		time.Sleep(time.Hour)
		m.Received.Add(3)
		m.SQSRequest("ReceiveMessage", "timeout", "a stranger's word")
		families, err := m.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		created := make(map[string]time.Time)
		for _, f := range families {
			for _, metric := range f.GetMetric() {
				var name strings.Builder
				name.WriteString(f.GetName())
				for _, label := range metric.GetLabel() {
					name.WriteString(" " + label.GetValue())
				}
				if c := metric.GetCounter().GetCreatedTimestamp(); c != nil {
					created[name.String()] = c.AsTime()
				} else if h := metric.GetHistogram().GetCreatedTimestamp(); h != nil {
					created[name.String()] = h.AsTime()
				}
			}
		}
		for name, want := range map[string]time.Time{
			"worker_messages_received_total":                 start,
			"worker_api_calls_total ok":                      start,
			"worker_api_call_seconds":                        start,
			"worker_sqs_errors_total ReceiveMessage other":   start,
			"worker_sqs_errors_total ReceiveMessage timeout": time.Now(), // when it was first seen
		} {
			if got := created[name]; !got.Equal(want) {
				t.Errorf("%s: since %v, want %v", name, got, want)
			}
		}
	})
}

func TestDurationsCountUpToTheirBounds(t *testing.T) {
	m := telemetry.NewMetrics()
	d := m.CallSeconds
	for _, took := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 6 * time.Millisecond, 30 * time.Second, time.Minute} {
		d.Observe(took)
	}
	if n, took := d.Sum(); n != 5 || took != 90*time.Second+12*time.Millisecond {
		t.Errorf("%d took %v", n, took)
	}
	buckets := d.Buckets()
	last := len(buckets) - 1
	for i, want := range map[int]telemetry.Bucket{
		0: {UpTo: 0.005, Count: 2}, 1: {UpTo: 0.01, Count: 3}, last - 1: {UpTo: 30, Count: 4}, last: {UpTo: 30, Count: 5},
	} {
		if buckets[i] != want {
			t.Errorf("bucket %d: %+v, want %+v", i, buckets[i], want)
		}
	}
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "worker_api_call_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		shown := h.GetBucket()
		if h.GetSampleCount() != 5 || h.GetSampleSum() != 90.012 || len(shown) != last || shown[0].GetCumulativeCount() != 2 || shown[last-1].GetCumulativeCount() != 4 {
			t.Errorf("shown as %v", h)
		}
	}
}

// gather reads every series: the value, or a histogram's count.
func gather(t *testing.T, m *telemetry.Metrics) map[string][]float64 {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := make(map[string][]float64)
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			v := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			series[f.GetName()] = append(series[f.GetName()], v)
		}
	}
	return series
}
