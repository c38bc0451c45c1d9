package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/message"
)

const (
	fauxqsTrace  = "it drops AWSTraceHeader"
	fauxqsGroups = "it drops MessageGroupId on a standard queue"
)

var wrappingCases = []standInCase{
	{name: "every wrapping is applied", run: (*outside).everyWrapping},
	{name: "an event sent twice is applied once", run: (*outside).sentTwice},
}

var letterCases = []standInCase{
	{name: "broken messages become letters with their attributes", run: (*outside).brokenOnes},
	{
		name: "the trace header and ten attributes stay on a letter", run: (*outside).tenAttributes,
		cannot: map[string]string{"fauxqs": fauxqsTrace},
	},
	{
		name: "the tenant's group stays on a letter", run: (*outside).tenantGroup,
		cannot: map[string]string{"fauxqs": fauxqsGroups},
	},
	{name: "more than a batch of letters and deletes", run: (*outside).manyBatches},
	{name: "letters are looked at and moved back", run: (*outside).movedBack},
	{name: "letters of a FIFO queue are moved back", run: (*outside).movedBack, layout: outsideLayout{fifo: true}},
}

func (o *outside) everyWrapping(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString
	now := time.Now().UTC().Format(time.RFC3339)
	kinesis := func(payload string) string {
		return fmt.Sprintf(`{"kinesisSchemaVersion":"1.0","data":%q,"eventID":"shardId-0:1","approximateArrivalTimestamp":%d.5}`, encoded([]byte(payload)), time.Now().Unix()-1)
	}
	sns := func(payload string) string {
		return fmt.Sprintf(`{"Type":"Notification","MessageId":"11111111-2222","Message":%q,"Timestamp":%q}`, payload, now)
	}
	eventBridge := func(payload string) string {
		return fmt.Sprintf(`{"id":"e-1","detail-type":"Thing changed","time":%q,"detail":%s}`, now, payload)
	}
	cloudEvent := func(payload string) string {
		return fmt.Sprintf(`{"specversion":"1.0","source":"/gateways/1","id":"c-1","type":"changed","time":%q,"data":%s}`, now, payload)
	}
	wrappings := []struct {
		thing string
		wrap  func(request string) string
	}{
		{"plain", func(s string) string { return s }},
		{"sns", sns},
		{"kinesis", kinesis},
		{"eventbridge", eventBridge},
		{"cloudevents", cloudEvent},
		{"cloudevents-binary", func(s string) string {
			return fmt.Sprintf(`{"specversion":"1.0","source":"/g","id":"c-2","type":"x","data_base64":%q}`, encoded([]byte(s)))
		}},
		{"base64", func(s string) string { return encoded([]byte(s)) }},
		{"sns-eventbridge", func(s string) string { return sns(eventBridge(s)) }},
		{"base64-kinesis-cloudevents-eventbridge", func(s string) string {
			return encoded([]byte(kinesis(cloudEvent(eventBridge(s)))))
		}},
	}
	// What the producer wrote reaches the API byte for byte, through a real SQS
	// client's JSON on both sides.
	const name, metadata = `"Flur Li\u0063ht ä"`, `{"room":"h\u0061ll", "floor":"2"}`
	for _, w := range wrappings {
		o.sendAll(outgoing{body: w.wrap(fmt.Sprintf(`{"Identifier":%q,"Name":%s,"MetaData":%s}`, w.thing, name, metadata))})
	}
	w := o.start()
	o.drained()
	w.stopped()
	for _, w := range wrappings {
		o.wantMember(w.thing, "Name", name)
		o.wantMember(w.thing, "MetaData", metadata)
	}
	w.wantOutcomes(map[message.Outcome]int{message.Applied: len(wrappings)})
}

func (o *outside) sentTwice(t *testing.T) {
	twice := outgoing{body: name("lamp", "Hall"), attributes: map[string]message.Attribute{
		"DeduplicationId": {DataType: "String", StringValue: "event-1"},
	}}
	w := o.start()
	o.sendAll(twice)
	o.drained()
	o.sendAll(twice)
	o.drained()
	w.stopped()
	w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Duplicate: 1})
	if n := len(o.calls("")); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// producerAttributes are attributes of every type, n of them.
func producerAttributes(n int) map[string]message.Attribute {
	a := map[string]message.Attribute{
		"producer": {DataType: "String", StringValue: "gateway – 7"},
		"attempt":  {DataType: "Number.int", StringValue: "12345678901234567890"},
		"raw":      {DataType: "Binary", BinaryValue: []byte{0, 1, 0xff}},
	}
	for i := len(a); i < n; i++ {
		a["more-"+strconv.Itoa(i)] = message.Attribute{DataType: "String", StringValue: strconv.Itoa(i)}
	}
	return a
}

// keeps checks that the producer's attributes are on the letter as they were.
func (l outsideLetter) keeps(t *testing.T, attributes map[string]message.Attribute) {
	t.Helper()
	for name, a := range attributes {
		if got, want := l.MessageAttributes[name], wireAttribute(a); !reflect.DeepEqual(got, want) {
			t.Errorf("attribute %s of the letter is %s %q %v, want %s %q %v", name, aws.ToString(got.DataType), aws.ToString(got.StringValue),
				got.BinaryValue, a.DataType, a.StringValue, a.BinaryValue)
		}
	}
}

func (o *outside) brokenOnes(t *testing.T) {
	occurred := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	stamped := producerAttributes(3)
	stamped["OccurredAt"] = stampedAt(occurred)["OccurredAt"]
	stamped["DeduplicationId"] = message.Attribute{DataType: "String", StringValue: "event-7"}
	broken := []struct{ body, pointer string }{
		{`{"Identifier":"x","Nmae":"Hall"}`, "/Nmae"},
		{`{"Identifier":"x","Name":"Hall <left>"}`, "/Name"},
		{`{"Identifier":"x","MetaData":{"room":null}}`, "/MetaData/room"},
		{`{"Name":"Hall"}`, "/Identifier"},
		{`turn on the light!`, ""},
	}
	for _, b := range broken {
		o.sendAll(outgoing{body: b.body, attributes: stamped})
	}
	w := o.start()
	letters := o.letters(len(broken))
	o.drained()
	w.stopped()
	for _, b := range broken {
		l := letters[b.body] // by body: it is the same, byte for byte
		l.keeps(t, producerAttributes(3))
		f := l.failure
		if f.Reason != message.InvalidMessage || len(f.Faults) == 0 || f.Faults[0].Pointer != b.pointer || f.Receives != 1 {
			t.Errorf("%s: the letter's Failure is %+v", b.body, f)
		}
		if got := aws.ToString(l.MessageAttributes["OccurredAt"].StringValue); got != occurred.UTC().Format(time.RFC3339Nano) {
			t.Errorf("%s: OccurredAt is %q", b.body, got)
		}
	}
	w.wantOutcomes(map[message.Outcome]int{message.DeadLettered: len(broken)})
	if n := len(o.calls("")); n != 0 {
		t.Errorf("%d calls of the API for broken messages", n)
	}
}

func (o *outside) tenAttributes(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	const full, roomy = `{"Identifier":"x","A":1}`, `{"Identifier":"x","B":1}`
	o.sendTraced(header, outgoing{body: full, attributes: producerAttributes(10)})
	o.sendTraced(header, outgoing{body: roomy, attributes: producerAttributes(7)})
	wire := &letterTap{next: o.wire()}
	w := o.start(func(a *app.Options) { a.Transport = wire })
	letters := o.letters(2)
	o.drained()
	w.stopped()
	for body, kept := range map[string]int{full: 10, roomy: 7} {
		l := letters[body]
		l.keeps(t, producerAttributes(kept))
		if n := len(l.MessageAttributes); n != 10 {
			t.Errorf("a message of %d attributes became a letter of %d, want 10", kept, n)
		}
		if got := l.Attributes[traceHeader]; got != header {
			t.Logf("%s forgets the trace header of what is sent in a batch: looking at the worker's request instead", o.standIn)
			wire.wantSent(t, body, header)
		}
	}
	if got := letters[roomy].failure.Reason; got != message.InvalidMessage {
		t.Errorf("the reason is %q", got)
	}
}

// letterTap is a transport that keeps the letters that go through.
type letterTap struct {
	next http.RoundTripper

	mu      sync.Mutex
	letters []tapped
}

// tapped is an entry of a SendMessageBatch, as it is on the wire.
type tapped struct {
	MessageBody             string
	MessageSystemAttributes map[string]struct{ DataType, StringValue string }
}

func (p *letterTap) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") == "AmazonSQS.SendMessageBatch" {
		copied, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		var batch struct{ Entries []tapped }
		if err := json.NewDecoder(copied).Decode(&batch); err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.letters = append(p.letters, batch.Entries...)
		p.mu.Unlock()
	}
	return p.next.RoundTrip(r)
}

func (p *letterTap) wantSent(t *testing.T, body, header string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.letters {
		if l.MessageBody != body {
			continue
		}
		if a := l.MessageSystemAttributes[traceHeader]; a.StringValue != header || a.DataType != "String" {
			t.Errorf("the letter was sent with the trace header %q of type %q", a.StringValue, a.DataType)
		}
		return
	}
	t.Error("the letter was not sent in a batch")
}

func (o *outside) tenantGroup(t *testing.T) {
	o.sendAll(outgoing{body: `{"Identifier":"x","Nmae":"Hall"}`, group: "home-7"})
	w := o.start()
	letters := o.letters(1)
	w.stopped()
	for _, l := range letters {
		if got := l.Attributes["MessageGroupId"]; got != "home-7" {
			t.Errorf("the letter's MessageGroupId is %q", got)
		}
	}
}

// manyBatches settles more than fits in one request, of both kinds.
func (o *outside) manyBatches(t *testing.T) {
	const each = 37
	var messages []outgoing
	for n := range each {
		messages = append(messages,
			outgoing{body: name(fmt.Sprintf("thing-%d", n), "Hall")},
			outgoing{body: fmt.Sprintf(`{"Identifier":"thing-%d","Nmae":"Hall"}`, n)})
	}
	o.sendAll(messages...)
	w := o.start()
	o.letters(each)
	o.drained()
	w.stopped()
	w.wantOutcomes(map[message.Outcome]int{message.Applied: each, message.DeadLettered: each})
	requests := w.Status().SQS.Requests
	if n := requests["DeleteMessageBatch"]; n < (2*each+9)/10 || n > each {
		t.Errorf("%d messages were deleted by %d batches", 2*each, n)
	}
	if n := requests["SendMessageBatch"]; n < (each+9)/10 || n > each {
		t.Errorf("%d letters were sent by %d batches", each, n)
	}
}
