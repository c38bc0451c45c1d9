package observability

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// TestCollector runs a collector with the committed configuration beside a worker. The
// exporters to AWS are a log in this run: what they would be given is looked at, not what
// they make of it.
func TestCollector(t *testing.T) {
	programs := t.TempDir()
	build(t, project, programs, "worker", "localcloud/demo")
	// Without the many ways to find targets, which take most of the time to build.
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "remove_all_sd", "-o", programs, "./collector")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	collector := filepath.Join(programs, "collector")
	ecs := []string{"SERVICE_NAME=things", "METRICS_LOG_GROUP=/things/metrics"}
	traces := freeAddress(t)
	d := startDemo(t, programs, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+traces, "OTEL_BSP_SCHEDULE_DELAY=500")
	d.page(t)
	config := loggedConfig(t, project, d.admin, traces)
	t.Run("the collector takes the configuration", func(t *testing.T) {
		if out, err := validate(collector, config, ecs); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for _, test := range []struct{ name, from, to, found string }{
		{"a planted fault is found: a processor that is not there", "processors: [memory_limiter, batch]", "processors: [memory_limiter, batches]", "batches"},
		{"a planted fault is found: a key of the receiver in the wrong case", "scrape_interval", "scrapeInterval", "scrapeInterval"},
		{"a planted fault is found: a receiver that no pipeline can have", "receivers: [otlp]", "receivers: [prometheus]", "telemetry type is not supported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := copyOf(t)
			replace(t, root, collectorFile, test.from, test.to)
			out, err := validate(collector, loggedConfig(t, root, d.admin, traces), ecs)
			if err == nil {
				t.Fatal("the collector takes it")
			}
			found(t, []string{out}, test.found)
		})
	}
	log := start(t, ecs, collector, "--config=file:"+config)
	t.Run("the exporter to CloudWatch is given the metrics of ECS, by Service", func(t *testing.T) {
		for _, name := range []string{"worker_useful_replicas", "worker_circuit_open", "worker_dead_letters_total"} {
			metric := regexp.MustCompile(`Name: ` + name + `\n(?:.*\n){1,12}?.*Service: Str\(things\)`)
			until(t, time.Minute, name+" with Service=things", func() error {
				if !metric.MatchString(log.String()) {
					return fmt.Errorf("the log has %d bytes", len(log.String()))
				}
				return nil
			})
		}
		if strings.Contains(log.String(), "Name: worker_messages_held\n") || strings.Contains(log.String(), "Name: go_goroutines\n") {
			t.Error("it is given metrics that nobody pays for")
		}
	})
	t.Run("the exporter to X-Ray is given the worker's spans", func(t *testing.T) {
		until(t, time.Minute, "a span of a call", func() error {
			if !regexp.MustCompile(`Name +: UpdateManagedThing\n`).MatchString(log.String()) {
				return fmt.Errorf("the log has %d bytes", len(log.String()))
			}
			return nil
		})
	})
}

func validate(collector, config string, environment []string) (string, error) {
	cmd := exec.Command(collector, "validate", "--config=file:"+config)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// loggedConfig is the committed configuration with the exporters to AWS replaced by a
// log, the two addresses by those of this run, and the 30 s between scrapes by one.
func loggedConfig(t *testing.T, root, worker, traces string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, collectorFile))
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	logs := map[string]any{}
	for name := range config["exporters"].(map[string]any) {
		logs["debug/"+name] = map[string]any{"verbosity": "detailed"}
	}
	config["exporters"] = logs
	for _, pipeline := range config["service"].(map[string]any)["pipelines"].(map[string]any) {
		exporters := pipeline.(map[string]any)["exporters"].([]any)
		for i, name := range exporters {
			exporters[i] = "debug/" + fmt.Sprint(name)
		}
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("127.0.0.1:8080", worker, "127.0.0.1:4318", traces, ": 30s", ": 1s").Replace(string(out))
	file := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(file, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
