package e2e

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"managed-thing-updater/internal/localcloud"
)

// receiver takes spans by OTLP over HTTP, as a collector does.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans map[string]int // by name
	about map[string]string
	links int
	wrong []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{spans: map[string]int{}, about: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var body io.Reader = q.Body
	if q.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(q.Body)
		if err != nil {
			r.wrong = append(r.wrong, err.Error())
			return
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &request)
	}
	if err != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" || q.Header.Get("X-Team") != "lamps" {
		r.wrong = append(r.wrong, q.URL.Path)
	}
	for _, resource := range request.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			r.about[a.GetKey()] = stringOf(a.GetValue())
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.spans[span.GetName()]++
				r.links += len(span.GetLinks())
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func stringOf(v *common.AnyValue) string { return v.GetStringValue() }

// spansReachAReceiver runs the worker with OpenTelemetry's own settings.
func spansReachAReceiver(t *testing.T, program string) {
	r := newReceiver(t)
	s := newServer(t, program, layout{})
	for range 20 {
		s.cloud.SQS.Send(s.queue, localcloud.Message{Body: name("lamp", "on"), TraceHeader: xrayHeader})
	}
	p := s.start(append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.URL, "OTEL_EXPORTER_OTLP_HEADERS=X-Team=lamps", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test",
	}, soundly...)...)
	s.eventually("the queue is drained", 20*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
	s.ends(p) // delivers the last ones

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spans["process updates"] != 20 || r.spans["receive updates"] == 0 || r.spans["UpdateManagedThing"] == 0 || r.spans["delete updates"] == 0 || r.links == 0 {
		t.Errorf("spans: %v, with %d links", r.spans, r.links)
	}
	if r.about["service.name"] != "managed-thing-updater" || r.about["service.instance.id"] == "" || r.about["deployment.environment"] != "test" {
		t.Errorf("the resource: %v", r.about)
	}
	if r.wrong != nil {
		t.Errorf("requests that are not OTLP: %s", strings.Join(r.wrong, ", "))
	}
	for line := range strings.Lines(p.stderr.String()) {
		if strings.Contains(line, `"level":"warn"`) && !strings.Contains(line, `"check":`) { // of the rig's short leases
			t.Errorf("it complains: %s", line)
		}
	}
}

// noReceiver checks that traces which nobody takes cost a line, and nothing else.
func noReceiver(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	s.send(name("lamp", "on"))
	p := s.start("OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS=key=secret,secret")
	s.eventually("the queue is drained", 20*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
	s.ends(p)
	text := p.stderr.String()
	if !strings.Contains(text, "traces are not delivered") || strings.Contains(text, "secret") {
		t.Errorf("it says:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line that is no JSON: %s", line)
		}
	}
}
