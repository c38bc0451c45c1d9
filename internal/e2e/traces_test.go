package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/telemetry"
)

// recorder keeps the spans of one worker.
type recorder struct {
	spans *tracetest.SpanRecorder
}

// traced makes a worker make spans.
func traced(t testing.TB) (*recorder, func(*app.Options)) {
	r := &recorder{spans: tracetest.NewSpanRecorder()}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans))
	return r, func(o *app.Options) { o.Traces = telemetry.NewTraces(provider) }
}

// named are the ended spans of a name.
func (r *recorder) named(name string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(slices.Clone(r.spans.Ended()), func(s sdktrace.ReadOnlySpan) bool { return s.Name() != name })
}

// of is the process span of a message.
func (r *recorder) of(id string) sdktrace.ReadOnlySpan {
	for _, s := range r.named("process updates") {
		if has(s.Attributes(), attribute.String("messaging.message.id", id)) {
			return s
		}
	}
	return nil
}

func has(attributes []attribute.KeyValue, want ...attribute.KeyValue) bool {
	for _, w := range want {
		if !slices.Contains(attributes, w) {
			return false
		}
	}
	return true
}

func links(s sdktrace.ReadOnlySpan, to oteltrace.SpanID) bool {
	return slices.ContainsFunc(s.Links(), func(l sdktrace.Link) bool { return l.SpanContext.SpanID() == to })
}

const (
	xrayHeader  = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	xraySpan    = "53995c3f42cd8ad8"
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	w3cSpan     = "00f067aa0ba902b7"
)

func spanID(t testing.TB, hex string) oteltrace.SpanID {
	t.Helper()
	id, err := oteltrace.SpanIDFromHex(hex)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTraces(t *testing.T) {
	subtest(t, "from the producers to the call they share", layout{}, func(t *testing.T, r *rig) {
		spans, withTraces := traced(r.t)
		hold := make(chan struct{})
		r.onCall("lamp", first(1, &localcloud.Fault{Hold: hold}))
		w := r.start(withTraces)
		r.send(`{"Identifier":"lamp","HubNetworkMode":"STANDARD"}`)
		r.until("the first call is under way", time.Minute, func() bool { return len(r.calls("lamp")) == 1 })
		ids := []string{
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("lamp", "older"), TraceHeader: xrayHeader}),
			r.cloud.SQS.Send(r.queue, localcloud.Message{
				Body: `{"Identifier":"lamp","Name":"newer","MetaData":{"a":"1"}}`, Attributes: map[string]localcloud.Attribute{"traceparent": text(traceparent)},
			}),
		}
		r.taken(w)
		close(hold)
		r.drained(time.Minute)
		w.stopped()

		calls := spans.named("UpdateManagedThing")
		if len(calls) != 2 {
			t.Fatalf("%d calls have a span, want 2", len(calls))
		}
		call := calls[1]
		deletes := spans.named("delete updates")
		for i, producer := range []string{xraySpan, w3cSpan} {
			process := spans.of(ids[i])
			if process == nil {
				t.Fatalf("message %d has no span", i)
			}
			own, theirs := process.SpanContext().SpanID(), spanID(t, producer)
			if !links(process, theirs) || !links(call, theirs) || !links(call, own) {
				t.Errorf("message %d: the links from the producer to the message and the call are not all there:\n%v\n%v", i, process.Links(), call.Links())
			}
			if !slices.ContainsFunc(deletes, func(s sdktrace.ReadOnlySpan) bool { return links(s, own) }) {
				t.Errorf("message %d: no span of its delete links it", i)
			}
			if process.SpanKind() != oteltrace.SpanKindConsumer || !has(process.Attributes(),
				attribute.String("messaging.system", "aws_sqs"), attribute.String("messaging.operation.name", "process"),
				attribute.String("messaging.destination.name", "updates"), attribute.String("aws.sqs.queue.url", r.queue), attribute.String("worker.thing", "lamp")) {
				t.Errorf("message %d: kind %v, %v", i, process.SpanKind(), process.Attributes())
			}
			receives := spans.named("receive updates")
			if !slices.ContainsFunc(receives, func(s sdktrace.ReadOnlySpan) bool {
				return s.SpanContext().SpanID() == process.Parent().SpanID() && links(s, theirs)
			}) {
				t.Errorf("message %d: its receive has no span that links the producer", i)
			}
		}
		if parent := call.Parent().SpanID(); parent != spans.of(ids[0]).SpanContext().SpanID() && parent != spans.of(ids[1]).SpanContext().SpanID() {
			t.Error("the call is below neither of its messages")
		}
		if !has(call.Attributes(), attribute.Int("messaging.batch.message_count", 2), attribute.String("rpc.method", "UpdateManagedThing")) {
			t.Errorf("the call has %v", call.Attributes())
		}
		for _, s := range append(calls, deletes...) {
			if !slices.ContainsFunc(s.Attributes(), func(a attribute.KeyValue) bool { return a.Key == "aws.request_id" && a.Value.AsString() != "" }) {
				t.Errorf("%s has no request id: %v", s.Name(), s.Attributes())
			}
		}
	})
	subtest(t, "a dead letter", layout{}, func(t *testing.T, r *rig) {
		spans, withTraces := traced(r.t)
		r.callsFail("lamp", status(400, "ValidationException"))
		w := r.start(withTraces)
		id := r.send(name("lamp", "on"))
		r.drained(time.Minute)
		process := spans.of(id)
		if process.Status().Code != codes.Error || !has(process.Attributes(), attribute.String("error.type", "rejected"), attribute.String("worker.outcome", "dead_lettered")) {
			t.Errorf("the message: %v %v", process.Status(), process.Attributes())
		}
		call := spans.named("UpdateManagedThing")[0]
		if call.Status().Code != codes.Error || !has(call.Attributes(), attribute.String("error.type", "ValidationException")) {
			t.Errorf("the call: %v %v", call.Status(), call.Attributes())
		}
		if send := spans.named("send updates-dlq"); len(send) != 1 || !links(send[0], process.SpanContext().SpanID()) {
			t.Errorf("the letter: %v", send)
		}
		// Its lines in the log, and its story, say which trace it is.
		want := process.SpanContext().TraceID().String()
		if lines := w.logs.FilterMessage("dead letter stored").All(); len(lines) != 1 || lines[0].ContextMap()["trace_id"] != want {
			t.Errorf("the line has no trace id %s:\n%s", want, w.lines())
		}
		if told, _ := w.Message(id); told.TraceID != want {
			t.Errorf("its story has the trace id %q, want %q", told.TraceID, want)
		}
		w.stopped()
	})
	subtest(t, "every span is ended when the worker has stopped", layout{}, func(t *testing.T, r *rig) {
		spans, withTraces := traced(r.t)
		r.onCall("*", func(n int, _ string) *localcloud.Fault {
			if n%3 == 0 {
				return status(503, "ServiceUnavailableException")
			}
			return nil
		})
		w := r.start(withTraces)
		for n := range 200 {
			r.send(name(fmt.Sprintf("lamp-%d", n%50), fmt.Sprint(n)))
		}
		time.Sleep(2 * time.Second)
		_ = w.stop()
		if started, ended := len(spans.spans.Started()), len(spans.spans.Ended()); started != ended || started == 0 {
			open := slices.DeleteFunc(spans.spans.Started(), func(s sdktrace.ReadWriteSpan) bool { return !s.EndTime().IsZero() })
			names := make([]string, len(open))
			for i, s := range open {
				names[i] = s.Name()
			}
			t.Errorf("%d spans started, %d ended; open: %s", started, ended, strings.Join(names, ", "))
		}
	})
}
