package telemetry

import (
	"errors"
	"testing"
)

func TestTracesWanted(t *testing.T) {
	const endpoint, traces, exporter = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"
	for _, test := range []struct {
		name string
		env  map[string]string
		on   bool
		err  error
	}{
		{"nothing is set", nil, false, nil},
		{"an endpoint", map[string]string{endpoint: "http://c:4318"}, true, nil},
		{"an endpoint of traces", map[string]string{traces: "http://c:4318/v1/traces"}, true, nil},
		{"the exporter, at its usual endpoint", map[string]string{exporter: "otlp"}, true, nil},
		{"none wanted", map[string]string{endpoint: "http://c:4318", exporter: "none"}, false, nil},
		{"all switched off", map[string]string{endpoint: "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, false, nil},
		{"an exporter that is not here", map[string]string{exporter: "zipkin"}, false, errExporter},
		{"a protocol that is not here", map[string]string{endpoint: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, errProtocol},
		{"the protocol of traces counts", map[string]string{endpoint: "http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, nil},
	} {
		on, err := tracesWanted(func(name string) string { return test.env[name] })
		if on != test.on || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v; want %v, %v", test.name, on, err, test.on, test.err)
		}
	}
}
