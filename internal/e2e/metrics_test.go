package e2e

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/standin"
)

// metric reads one series off /metrics: a value, or a histogram's count and sum.
// labels are names and values in turn; those not named may be any.
func (w *worker) metric(name string, labels ...string) (value, sum float64) {
	w.t.Helper()
	families, err := w.Metrics().Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	found := false
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if !labelled(m, labels) {
				continue
			}
			found = true
			value += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			sum += m.GetHistogram().GetSampleSum()
		}
	}
	if !found {
		w.t.Errorf("there is no %s%v", name, labels)
	}
	return value, sum
}

func labelled(m *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		ok := false
		for _, pair := range m.GetLabel() {
			ok = ok || pair.GetName() == labels[i] && pair.GetValue() == labels[i+1]
		}
		if !ok {
			return false
		}
	}
	return true
}

func (w *worker) wantMetric(want float64, name string, labels ...string) {
	w.t.Helper()
	if got, _ := w.metric(name, labels...); got != want {
		w.t.Errorf("%s%v is %v, want %v", name, labels, got, want)
	}
}

func TestMetrics(t *testing.T) {
	subtest(t, "where an update lost, and by how much", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("lamp")
		at := time.Now()
		r.sendAt(at.Add(-30*time.Second), name("lamp", "old"))
		r.sendAt(at, name("lamp", "new"))
		open()
		r.drained(time.Minute)
		r.sendAt(at.Add(-10*time.Minute), name("lamp", "very old"))
		r.drained(time.Minute)
		for where, by := range map[string]float64{"waiting": 30, "record": 600} {
			if n, sum := w.metric("worker_superseded_by_seconds", "where", where); n != 1 || sum != by {
				t.Errorf("%s: %v lost, by %v s in all; want 1, by %v s", where, n, sum, by)
			}
		}
		w.stopped()
	})
	subtest(t, "how long the queue keeps a message", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		time.Sleep(time.Second)
		w.wantMetric((4 * 24 * time.Hour).Seconds(), "worker_queue_retention_seconds")
		w.stopped()
	})
	subtest(t, "a queue that does not say how long it keeps a message", layout{}, func(t *testing.T, r *rig) {
		r.cfg.DLQURL = r.dlq
		r.sqsFails("GetQueueAttributes", status(http.StatusForbidden, "AccessDenied"))
		w := r.start()
		time.Sleep(time.Second)
		if got, _ := w.metric("worker_queue_retention_seconds"); !math.IsNaN(got) {
			r.t.Errorf("it is %v, want NaN", got)
		}
		w.stopped()
	})
	subtest(t, "from sent to applied", layout{}, func(t *testing.T, r *rig) {
		r.send(name("lamp", "on"))
		time.Sleep(2 * time.Minute)
		w := r.start()
		r.drained(time.Minute)
		if n, sum := w.metric("worker_sent_to_applied_seconds"); n != 1 || sum < 120 || sum > 125 {
			t.Errorf("%v applied, after %v s in all; want 1, after 2 minutes", n, sum)
		}
		w.stopped()
	})
	subtest(t, "the names of the messaging conventions", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		for n := range 10 {
			r.send(name(fmt.Sprintf("lamp-%d", n), "on"))
		}
		r.send("not JSON {")
		r.drained(time.Minute)
		queue := []string{"messaging_system", "aws_sqs", "messaging_destination_name", "updates"}
		w.wantMetric(11, "messaging_client_consumed_messages_total", queue...)
		w.wantMetric(10, "messaging_process_duration_seconds", append(queue, "error_type", "")...)
		w.wantMetric(1, "messaging_process_duration_seconds", append(queue, "error_type", "invalid_message")...)
		deletes := r.cloud.SQS.Requests()["DeleteMessageBatch"]
		w.wantMetric(float64(deletes), "messaging_client_operation_duration_seconds", append(queue, "messaging_operation_name", "delete", "error_type", "")...)
		w.wantMetric(1, "messaging_client_operation_duration_seconds", "messaging_operation_name", "send", "messaging_destination_name", "updates-dlq", "error_type", "")
		w.stopped()
	})
	subtest(t, "the circuit, by why it is open", layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", status(503, "ServiceUnavailableException"))
		w := r.start()
		for n := range 5 {
			r.send(name(fmt.Sprintf("lamp-%d", n), "on"))
		}
		time.Sleep(10 * time.Second)
		w.wantMetric(1, "worker_circuit_open", "reason", "failing")
		w.wantMetric(0, "worker_circuit_open", "reason", "caller")
		w.wantMetric(1, "worker_useful_replicas") // nobody knows: leave them as they are
		heal()
		r.drained(10 * time.Minute)
		w.wantMetric(0, "worker_circuit_open", "reason", "failing")
		w.wantMetric(1, "worker_circuit_opened_total", "reason", "failing")
		w.stopped()
	})
	subtest(t, "what the quota keeps busy, and what a message costs at SQS", layout{cloud: localcloud.Options{Quota: 10, Latency: 50 * time.Millisecond}}, func(t *testing.T, r *rig) {
		w := r.start()
		stop := r.traffic(20 * time.Millisecond)
		time.Sleep(time.Minute)
		if got, _ := w.metric("worker_useful_replicas"); got <= 0 || got > 0.1 {
			t.Errorf("%v replicas for 10 calls a second of 50 ms, want about a hundredth", got)
		}
		if got, _ := w.metric("worker_sqs_requests_per_message"); got < 0.2 || got > 2 {
			t.Errorf("%v requests a message", got)
		}
		stop()
		r.drained(time.Minute)
		w.stopped()
	})
}

// TestPromtoolFindsNothing holds the metrics' names and texts against Prometheus's
// own rules.
func TestPromtoolFindsNothing(t *testing.T) {
	standin.NeedCommand(t, "promtool", "apt-get install prometheus")
	var exposed *bytes.Buffer
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("lamp", "on"))
		r.drained(time.Minute)
		page := httptest.NewRecorder()
		promhttp.HandlerFor(w.Metrics(), promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		exposed = page.Body
		w.stopped()
	})
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = exposed
	if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
