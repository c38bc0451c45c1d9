package telemetry

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// StartTraces reads OpenTelemetry's own settings from the environment and returns
// what they ask for, nil if they ask for none. Traces are switched on by
// OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
// OTEL_TRACES_EXPORTER=otlp, and off by OTEL_TRACES_EXPORTER=none or
// OTEL_SDK_DISABLED=true. They go out by OTLP over HTTP; sampling, headers, limits
// and the resource are OpenTelemetry's own variables too.
//
// What is wrong with these settings is said in the log, and there are no traces
// then: the worker works without them.
func StartTraces(ctx context.Context, version, name string, log *zap.Logger) *Traces {
	on, err := tracesWanted(os.Getenv)
	if err != nil {
		log.Warn("no traces", zap.Error(err))
	}
	if !on {
		return nil
	}
	tellTroubles(log)
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		log.Warn("no traces", zap.Error(err))
		return nil
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "managed-thing-updater"),
			attribute.String("service.version", version),
			attribute.String("service.instance.id", name),
		),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	if err != nil {
		log.Warn("OpenTelemetry: a part of OTEL_RESOURCE_ATTRIBUTES is left out", zap.Error(err))
	}
	return NewTraces(sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about)))
}

var (
	errExporter = errors.New("OTEL_TRACES_EXPORTER must be otlp or none: there is no other exporter in the worker")
	errProtocol = errors.New("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: set that, and the endpoint's port for HTTP (4318)")
)

// tracesWanted reports whether the environment asks for traces, and what of it
// cannot be had.
func tracesWanted(env func(string) string) (bool, error) {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch env("OTEL_TRACES_EXPORTER") {
	case "otlp":
	case "none":
		return false, nil
	case "":
		if env("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return false, nil
		}
	default:
		return false, errExporter
	}
	protocol := cmp.Or(env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), env("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if protocol != "" && protocol != "http/protobuf" {
		return false, errProtocol
	}
	return true, nil
}

// tellTroubles puts OpenTelemetry's own complaints into the log: that traces cannot
// be delivered once a minute at most.
func tellTroubles(log *zap.Logger) {
	var mu sync.Mutex
	var last time.Time
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= time.Minute {
			last = now
			log.Warn("traces are not delivered; the worker works without them", zap.Error(err))
		}
	}))
	otel.SetLogger(funcr.New(func(_, text string) { log.Warn("OpenTelemetry: " + text) }, funcr.Options{
		// What it could not read may be a header with a credential.
		RenderArgsHook: func([]any) []any { return nil },
	}))
}
