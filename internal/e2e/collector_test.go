package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// TestTheCollectorGetsTheSpans runs the worker beside the OpenTelemetry Collector,
// whose binary E2E_COLLECTOR names: make test-traces builds it.
func TestTheCollectorGetsTheSpans(t *testing.T) {
	collector := os.Getenv("E2E_COLLECTOR")
	if collector == "" {
		t.Skip("E2E_COLLECTOR names no collector: make test-traces builds one")
	}
	endpoint, said := startCollector(t, collector)
	s := newServer(t, buildWorker(t), layout{})
	for n := range 20 {
		s.cloud.SQS.Send(s.queue, localcloud.Message{Body: name("lamp", fmt.Sprint(n)), TraceHeader: xrayHeader})
	}
	p := s.start("OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint)
	s.eventually("the queue is drained", 20*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
	s.ends(p)

	linked := map[string]int{} // spans with a link to the producer, by name
	s.eventually("the collector has all spans", 20*time.Second, func() bool {
		clear(linked)
		for span := range strings.SplitSeq(said.String(), "Span #") {
			if found := spanName.FindStringSubmatch(span); found != nil && strings.Contains(span, "-> ID: "+xraySpan) {
				linked[found[1]]++
			}
		}
		return linked["process updates"] == 20 && linked["UpdateManagedThing"] > 0 && linked["receive updates"] > 0 && linked["delete updates"] > 0
	})
	t.Logf("spans with a link to the producer: %v", linked)
	if !strings.Contains(said.String(), "service.name: Str(managed-thing-updater)") {
		t.Error("the resource has no name")
	}
}

var spanName = regexp.MustCompile(`Name +: (.+)`)

// startCollector returns where it takes spans by HTTP, and what it says of them.
func startCollector(t *testing.T, program string) (endpoint string, said *safeBuffer) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	config := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
`, addr), 0o600); err != nil {
		t.Fatal(err)
	}
	said = &safeBuffer{}
	cmd := exec.CommandContext(t.Context(), program, "--config", config)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the collector:\n%s", said.String())
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "http://" + addr, said
		}
		if time.Now().After(end) {
			t.Fatal("the collector does not listen")
		}
	}
}
