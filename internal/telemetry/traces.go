package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/queueurl"
)

// Traces makes the worker's spans, by OpenTelemetry's conventions for messaging
// (https://opentelemetry.io/docs/specs/semconv/messaging/):
//
//	receive QUEUE        a receive that brought messages, linked to their producers
//	└ process QUEUE      a message, from its receive until its outcome, linked to its producer
//	  └ UpdateManagedThing   a call, below the first of its messages and linked to all
//	  └ delete QUEUE     settling, below the first of its messages and linked to all;
//	                     also change_visibility QUEUE, and send DEAD-LETTER-QUEUE
//
// A nil Traces makes none, costs nothing, and returns nils that do the same. Safe for use by
// many goroutines.
type Traces struct {
	tracer   trace.Tracer
	provider interface {
		Shutdown(context.Context) error
	}
}

// NewTraces makes spans with a provider, which Close shuts down.
func NewTraces(provider interface {
	trace.TracerProvider
	Shutdown(ctx context.Context) error
},
) *Traces {
	return &Traces{tracer: provider.Tracer("managed-thing-updater"), provider: provider}
}

// Close delivers the spans that are not delivered yet, until ctx ends.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// operationAttributes say what is done with a queue.
func operationAttributes(queueURL string, op operation) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", System),
		attribute.String("messaging.operation.name", op.name),
		attribute.String("messaging.operation.type", op.kind),
		attribute.String("messaging.destination.name", queueurl.Name(queueURL)),
		attribute.String("aws.sqs.queue.url", queueURL),
	}
}

// Receiving is the span of one receive.
type Receiving struct {
	t        *Traces
	queueURL string
	span     trace.Span
	ctx      context.Context
}

// Receive begins the span of a receive that began at start and brought n messages.
func (t *Traces) Receive(queueURL string, start time.Time, n int, requestID string) *Receiving {
	if t == nil {
		return nil
	}
	ctx, span := t.tracer.Start(context.Background(), "receive "+queueurl.Name(queueURL),
		trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(operationAttributes(queueURL, operations["ReceiveMessage"])...),
		trace.WithAttributes(attribute.Int("messaging.batch.message_count", n), attribute.String("aws.request_id", requestID)))
	return &Receiving{t, queueURL, span, ctx}
}

// End ends it.
func (r *Receiving) End() {
	if r != nil {
		r.span.End()
	}
}

// MessageTrace is one message's span, from its receive until its outcome.
type MessageTrace struct {
	id       string
	span     trace.Span
	producer trace.SpanContext // may be invalid
}

// Process begins the span of a message that the receive brought.
func (r *Receiving) Process(m message.Incoming) *MessageTrace {
	if r == nil {
		return nil
	}
	producer := producerOf(m)
	var links []trace.Link
	if producer.IsValid() {
		links = []trace.Link{{SpanContext: producer, Attributes: []attribute.KeyValue{messageID(m.ID)}}}
		r.span.AddLink(links[0])
	}
	_, span := r.t.tracer.Start(r.ctx, "process "+queueurl.Name(r.queueURL),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
		trace.WithAttributes(operationAttributes(r.queueURL, operation{"process", "process"})...),
		trace.WithAttributes(messageID(m.ID), attribute.Int("messaging.message.body.size", len(m.Body))))
	return &MessageTrace{m.ID, span, producer}
}

func messageID(id string) attribute.KeyValue { return attribute.String("messaging.message.id", id) }

// producerOf is the span in which the message was sent, by the W3C attribute traceparent or
// by AWSTraceHeader.
func producerOf(m message.Incoming) trace.SpanContext {
	if a, ok := m.Attributes["traceparent"]; ok {
		carrier := propagation.MapCarrier{"traceparent": a.StringValue, "tracestate": m.Attributes["tracestate"].StringValue}
		if c := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier)); c.IsValid() {
			return c
		}
	}
	if m.TraceHeader == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"X-Amzn-Trace-Id": m.TraceHeader}
	return trace.SpanContextFromContext(xray.Propagator{}.Extract(context.Background(), carrier))
}

// TraceID is the message's trace; empty if it has none.
func (m *MessageTrace) TraceID() string {
	if m == nil {
		return ""
	}
	return m.span.SpanContext().TraceID().String()
}

// About says which thing the message is about.
func (m *MessageTrace) About(thing string) {
	if m != nil {
		m.span.SetAttributes(attribute.String("worker.thing", thing))
	}
}

// End ends the span with the message's outcome; f is the failure of a dead letter.
func (m *MessageTrace) End(o message.Outcome, f *message.Failure) {
	if m == nil {
		return
	}
	m.span.SetAttributes(attribute.String("worker.outcome", string(o)))
	if o == message.DeadLettered {
		m.span.SetAttributes(attribute.String("error.type", string(f.Reason)))
		m.span.SetStatus(codes.Error, f.Detail)
	}
	m.span.End()
}

// Request is the span of a request for several messages; nil if there is none.
type Request struct{ span trace.Span }

// request begins the span of a request for n messages, below the first one's, linked to
// all of them and to their producers.
func (t *Traces) request(name string, start time.Time, n int, of func(int) *MessageTrace, attributes []attribute.KeyValue) *Request {
	parent := context.Background()
	links := make([]trace.Link, 0, 2*n)
	traced := 0
	for i := range n {
		m := of(i)
		if m == nil {
			continue
		}
		if traced++; traced == 1 {
			parent = trace.ContextWithSpanContext(parent, m.span.SpanContext())
		}
		id := []attribute.KeyValue{messageID(m.id)}
		links = append(links, trace.Link{SpanContext: m.span.SpanContext(), Attributes: id})
		if m.producer.IsValid() {
			links = append(links, trace.Link{SpanContext: m.producer, Attributes: id})
		}
	}
	_, span := t.tracer.Start(parent, name, trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(links...), trace.WithAttributes(attributes...),
		trace.WithAttributes(attribute.Int("messaging.batch.message_count", traced)))
	return &Request{span}
}

// Call begins the span of a call that stands for n messages of a thing. of gives the
// spans; those that are nil are left out.
func (t *Traces) Call(thing string, n int, of func(int) *MessageTrace) *Request {
	if t == nil {
		return nil
	}
	return t.request("UpdateManagedThing", time.Now(), n, of, []attribute.KeyValue{
		attribute.String("rpc.system", "aws-api"),
		attribute.String("rpc.service", "IoT Managed Integrations"),
		attribute.String("rpc.method", "UpdateManagedThing"),
		attribute.String("worker.thing", thing),
	})
}

// Settled makes the span of a request to SQS, begun at start, that settled n messages: an
// action for a queue. of is as for Call.
func (t *Traces) Settled(queueURL, action string, start time.Time, n int, of func(int) *MessageTrace, requestID, code string) {
	if t == nil {
		return
	}
	op := operations[action]
	t.request(op.name+" "+queueurl.Name(queueURL), start, n, of, operationAttributes(queueURL, op)).End(requestID, code, "")
}

// End ends the span. code is empty if the request succeeded; detail holds no sensitive
// value.
func (r *Request) End(requestID, code, detail string) {
	if r == nil {
		return
	}
	if requestID != "" {
		r.span.SetAttributes(attribute.String("aws.request_id", requestID))
	}
	if code != "" {
		r.span.SetAttributes(attribute.String("error.type", code))
		r.span.SetStatus(codes.Error, detail)
	}
	r.span.End()
}
