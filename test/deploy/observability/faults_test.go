package observability

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlantedFault plants a fault in a copy of the project, and the checks find it.
func TestPlantedFault(t *testing.T) {
	const alerts, recording = rulesFolder + "/alerts.yml", rulesFolder + "/recording.yml"
	for _, test := range []struct {
		name, file, from, to string
		found                string // part of what the checks say
	}{
		{"a wrong anchor", alerts, "#old-messages", "#old-message", "there is no docs/runbook.md#old-message"},
		{"a section of the runbook under another name", runbookFile, "## Leases lost", "## Lost leases", "there is no docs/runbook.md#leases-lost"},
		{"a section without an answer", runbookFile, "**Clears.**", "It clears", "has no **Clears.**"},
		{"a threshold too high", alerts, "> 0.7", "> 0.75", "WorkerOldMessages"},
		{"a threshold too low", alerts, "ratio_rate15m > 0.2", "ratio_rate15m > 0.01", "WorkerThrottledShareHigh"},
		{"an alert that waits too long", alerts, "for: 5m", "for: 50m", "WorkerCircuitOpen"},
		{"an alert of another reason", alerts, "failing|caller", "failing|state", "WorkerCircuitOpen"},
		{"an alert that wakes for a thing alone", alerts, "worker_things_waiting > worker_things_without_evidence", "worker_things_waiting > 0", "a thing alone that fails wakes nobody"},
		{"a recorded share of something else", recording, `result="throttled"`, `result="ok"`, "WorkerThrottledShareHigh"},
		{"an alert without a test", alerts, "alert: WorkerLeasesLost", "alert: WorkerLeasesGone", "no unit test has it fire: WorkerLeasesGone"},
		{"an alert that nobody knows how to take", alerts, "{severity: warning}", "{severity: page}", `severity "page"`},
		{"a rule that is none", alerts, "absent(worker_rate)", "absent(worker_rate", "parse error"},
		{"an option that no panel has", dashboardFile, `"textMode"`, `"textmode"`, "textmode"},
		{"a value that no option has", dashboardFile, `"drawStyle": "line"`, `"drawStyle": "lines"`, `'"lines"' is not assignable`},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := copyOf(t)
			replace(t, root, test.file, test.from, test.to)
			var faults []string
			for _, c := range still {
				faults = append(faults, c.run(t, root)...)
				if finds(faults, test.found) != "" {
					break
				}
			}
			found(t, faults, test.found)
		})
	}
}

// TestPlantedFaultOfAMetric plants faults that only a running worker shows.
func TestPlantedFaultOfAMetric(t *testing.T) {
	programs := t.TempDir()
	root := copyOf(t)
	replace(t, root, "internal/app/gauges.go", `"oldest_waiting_seconds"`, `"oldest_waiting_age_seconds"`)
	replace(t, root, "internal/telemetry/sets.go", `"throttled"`, `"slowed_down"`)
	build(t, root, programs, "worker", "localcloud/demo")
	page := startDemo(t, programs).page(t)
	t.Run("a metric renamed in the code", func(t *testing.T) {
		faults := UnknownSeries(project, page)
		found(t, faults, "WorkerOldMessages: the worker has no worker_oldest_waiting_seconds")
		found(t, faults, "dashboard, Retention used: the worker has no worker_oldest_waiting_seconds")
		found(t, CollectorFaults(project, page), "the worker has no worker_oldest_waiting_seconds")
	})
	t.Run("a label's value renamed in the code", func(t *testing.T) {
		found(t, UnknownSeries(project, page), `job:worker_api_calls_throttled:ratio_rate15m: the worker has no worker_api_calls_total{result="throttled"}`)
	})
	for _, test := range []struct{ name, file, from, to, found string }{
		{"a metric of the collector that the worker does not have", collectorFile, "useful_replicas", "usefull_replicas", "the worker has no worker_usefull_replicas"},
		{"a metric that ECS scales by and the collector does not send", collectorFile, "useful_replicas|", "", "uses worker_useful_replicas"},
		{"another namespace in the template", "deploy/ecs/cloudformation.yaml", "Namespace: ManagedThingUpdater", "Namespace: ManagedThings", "of ManagedThings"},
		{"another dimension", collectorFile, "[[Service]]", "[[Task]]", "by Service, which the collector does not send"},
		{"a variable that nobody sets", collectorFile, "env:METRICS_LOG_GROUP", "env:LOG_GROUP", "does not set LOG_GROUP"},
		{"an exporter's key in the wrong case", collectorFile, "dimension_rollup_option", "dimensionRollupOption", "has no key dimensionRollupOption"},
		{"a permission missing", "deploy/iam/collector.json", "xray:PutTraceSegments", "xray:PutTelemetryRecords", "allows"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := copyOf(t)
			replace(t, root, test.file, test.from, test.to)
			found(t, CollectorFaults(root, page), test.found)
		})
	}
}

// copyOf is a copy of what the checks read and the worker is built of.
func copyOf(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"cmd", "deploy", "docs", "internal", unitFolder} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(project, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(project, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func replace(t *testing.T, root, file, from, to string) {
	t.Helper()
	path := filepath.Join(root, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, faults []string, part string) {
	t.Helper()
	if f := finds(faults, part); f != "" {
		t.Logf("%.200s", f)
		return
	}
	t.Errorf("%q is not found; the checks say: %q", part, faults)
}

// finds is the fault with this part, from a little before it.
func finds(faults []string, part string) string {
	for _, f := range faults {
		if at := strings.Index(f, part); at >= 0 {
			return strings.Join(strings.Fields(f[max(0, at-60):]), " ")
		}
	}
	return ""
}
