package deadletter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

const (
	standardURL = "https://sqs.eu-west-1.amazonaws.com/000000000000/dead"
	fifoURL     = standardURL + ".fifo"
	body        = ` {"Identifier":"lamp-1",  "Name":"é\u0000"}` + "\n"
)

var (
	sent  = time.Date(2026, 3, 1, 12, 0, 5, 120e6, time.UTC)
	event = time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("CET", 3600))
)

func text(s string) message.Attribute {
	return message.Attribute{DataType: "String", StringValue: s}
}

// plain are n attributes of the producer's.
func plain(n int) map[string]message.Attribute {
	out := map[string]message.Attribute{}
	for i := range n {
		out[fmt.Sprint("Own", i)] = message.Attribute{DataType: "Number.int", StringValue: fmt.Sprint(i)}
	}
	return out
}

// with adds an attribute.
func with(in map[string]message.Attribute, name string, a message.Attribute) map[string]message.Attribute {
	in[name] = a
	return in
}

// letter is a rejected message with these attributes, its time from none of them.
func letter(attributes map[string]message.Attribute) deadletter.Letter {
	return deadletter.Letter{
		Message: message.Incoming{ID: "m-1", Body: body, SentAt: sent, Receives: 3, Attributes: attributes},
		Update: &message.Update{
			Thing: "lamp-1", Key: "sqs:m-1", Receives: 3, TimeFrom: message.TimeFromSent,
			Order: message.Order{EventTime: event, SentAt: sent, MessageID: "m-1"},
		},
		Failure: message.Failure{Reason: message.Rejected, Code: "ValidationException", Detail: "Name <too> long", Attempts: 2, RequestID: "r-1"},
	}
}

// post is a writer with the queue behind it.
type post struct {
	*deadletter.Writer
	queue   *queue
	metrics *telemetry.Metrics
	logs    *observer.ObservedLogs
}

func newPost(t testing.TB, url string) post {
	q, m := &queue{t: t}, telemetry.NewMetrics()
	core, logs := observer.New(zap.DebugLevel)
	return post{deadletter.NewWriter(q, url, "worker-7", m, zap.New(core)), q, m, logs}
}

// copyOf stores a letter in a standard queue and returns what is there.
func copyOf(t *testing.T, l deadletter.Letter) (types.SendMessageBatchRequestEntry, post) {
	t.Helper()
	p := newPost(t, standardURL)
	return p.one(t, l), p
}

func (p post) one(t *testing.T, l deadletter.Letter) types.SendMessageBatchRequestEntry {
	t.Helper()
	if err := p.Send(t.Context(), []deadletter.Letter{l})[0]; err != nil {
		t.Fatalf("Send: %v", err)
	}
	return p.queue.stored[len(p.queue.stored)-1]
}

func value(e types.SendMessageBatchRequestEntry, name string) string {
	return aws.ToString(e.MessageAttributes[name].StringValue)
}

func failureIn(t *testing.T, e types.SendMessageBatchRequestEntry) message.Failure {
	t.Helper()
	var f message.Failure
	if err := json.Unmarshal([]byte(value(e, "Failure")), &f); err != nil {
		t.Fatalf("Failure %.200q: %v", value(e, "Failure"), err)
	}
	return f
}

func TestLetterIsTheMessageAndWhyItFailed(t *testing.T) {
	e, p := copyOf(t, letter(map[string]message.Attribute{
		"Own": {DataType: "String.label", StringValue: "x"}, "Bytes": {DataType: "Binary.png", BinaryValue: []byte{0, 255}},
	}))
	if *e.MessageBody != body {
		t.Errorf("body %q, want %q", *e.MessageBody, body)
	}
	if a := e.MessageAttributes["Own"]; *a.DataType != "String.label" || *a.StringValue != "x" {
		t.Errorf("Own: %+v", a)
	}
	if a := e.MessageAttributes["Bytes"]; *a.DataType != "Binary.png" || string(a.BinaryValue) != "\x00\xff" || a.StringValue != nil {
		t.Errorf("Bytes: %+v", a)
	}
	if got := value(e, "OccurredAt"); got != "2026-03-01T12:00:00.123456789Z" {
		t.Errorf("OccurredAt %s", got)
	}
	if got := value(e, "DeduplicationId"); got != "sqs:m-1" {
		t.Errorf("DeduplicationId %s", got)
	}
	f := failureIn(t, e)
	if _, err := time.Parse(time.RFC3339Nano, f.FailedAt); err != nil {
		t.Errorf("failedAt: %v", err)
	}
	f.FailedAt = ""
	got, _ := json.Marshal(f)
	want := `{"reason":"rejected","code":"ValidationException","detail":"Name \u003ctoo\u003e long","attempts":2,"receives":3,` +
		`"messageId":"m-1","sentAt":"2026-03-01T12:00:05.120Z","dedupKey":"sqs:m-1","occurredAt":"2026-03-01T12:00:00.123456789Z","failedAt":"","requestId":"r-1","worker":"worker-7"}`
	if string(got) != want {
		t.Errorf("Failure\n%s, want\n%s", got, want)
	}
	if n := p.metrics.DeadLetters.Of(message.Rejected).Count(); n != 1 {
		t.Errorf("dead_letters_total{rejected} is %v", n)
	}
	if n := p.metrics.LettersNoTime.Count(); n != 0 {
		t.Errorf("dead_letters_without_time_total is %v", n)
	}
}

// TestRoomForAttributes: which of ours a letter gets, by what the producer left
// of the ten.
func TestRoomForAttributes(t *testing.T) {
	own := text("the producer's")
	for name, c := range map[string]struct {
		attributes map[string]message.Attribute
		stamped    string // the first letters of the attributes that are ours
		timeless   bool
	}{
		"none":                              {nil, "OFD", false},
		"seven":                             {plain(7), "OFD", false},
		"eight":                             {plain(8), "OF", false},
		"nine":                              {plain(9), "O", false},
		"ten":                               {plain(10), "", true},
		"ten with OccurredAt":               {with(plain(9), "OccurredAt", own), "O", false},
		"ten with Failure":                  {with(plain(9), "Failure", own), "F", false},
		"ten with DeduplicationId":          {with(plain(9), "DeduplicationId", own), "", true},
		"ten with OccurredAt and Failure":   {with(with(plain(8), "OccurredAt", own), "Failure", own), "OF", false},
		"ten with Failure and key":          {with(with(plain(8), "Failure", own), "DeduplicationId", own), "FD", false},
		"ten with OccurredAt and key":       {with(with(plain(8), "OccurredAt", own), "DeduplicationId", own), "O", false},
		"ten with all three":                {with(with(with(plain(7), "OccurredAt", own), "Failure", own), "DeduplicationId", own), "OFD", false},
		"nine with OccurredAt":              {with(plain(8), "OccurredAt", own), "OF", false},
		"nine with DeduplicationId":         {with(plain(8), "DeduplicationId", own), "O", false},
		"nine with OccurredAt and key":      {with(with(plain(7), "OccurredAt", own), "DeduplicationId", own), "OFD", false},
		"eight with DeduplicationId":        {with(plain(7), "DeduplicationId", own), "OFD", false},
		"nine with Failure":                 {with(plain(8), "Failure", own), "OF", false},
		"all three and nothing else at all": {with(with(with(plain(0), "OccurredAt", own), "Failure", own), "DeduplicationId", own), "OFD", false},
	} {
		t.Run(name, func(t *testing.T) {
			e, p := copyOf(t, letter(c.attributes))
			var ours []string
			for _, name := range []string{"OccurredAt", "Failure", "DeduplicationId"} {
				_, was := c.attributes[name]
				switch got, is := e.MessageAttributes[name]; {
				case was && !is:
					t.Errorf("%s is gone", name)
				case is && *got.StringValue != own.StringValue:
					ours = append(ours, name[:1])
				}
			}
			stamped := strings.Join(ours, "")
			if stamped != c.stamped {
				t.Errorf("stamped %q, want %q", stamped, c.stamped)
			}
			for name, a := range c.attributes {
				if strings.HasPrefix(name, "Own") && value(e, name) != a.StringValue {
					t.Errorf("%s is %q, want %q", name, value(e, name), a.StringValue)
				}
			}
			if strings.Contains(stamped, "F") {
				for _, name := range []string{"OccurredAt", "Failure", "DeduplicationId"} {
					_, was := c.attributes[name]
					if replaced := was && strings.Contains(stamped, name[:1]); (failureIn(t, e).Original[name].StringValue == own.StringValue) != replaced {
						t.Errorf("original %s recorded: %v, want %v", name, !replaced, replaced)
					}
				}
			}
			if got := p.metrics.LettersNoTime.Count() == 1; got != c.timeless {
				t.Errorf("counted without time: %v, want %v", got, c.timeless)
			}
			if got := p.logs.FilterLevelExact(zap.WarnLevel).Len() == 1; got != c.timeless {
				t.Errorf("warned of a letter without time: %v, want %v", got, c.timeless)
			}
		})
	}
}

// decoded is a letter of the message as the worker reads it.
func decoded(in message.Incoming) deadletter.Letter {
	u, _ := message.Decode(in, message.Options{MaxEventAge: 28 * 24 * time.Hour})
	return deadletter.Letter{Message: in, Update: &u, Failure: message.Failure{Reason: message.Exhausted, Attempts: 8}}
}

func TestLetterWithTenAttributesHasATimeWhereTheBodyDoes(t *testing.T) {
	in := letter(plain(10)).Message
	in.Body = `{"Type":"Notification","MessageId":"n-1","Timestamp":"2026-03-01T12:00:01Z","Message":"{\"Identifier\":\"lamp-1\",\"Name\":\"x\"}"}`
	if _, p := copyOf(t, decoded(in)); p.metrics.LettersNoTime.Count() != 0 {
		t.Error("counted as one without time")
	}
}

// TestMovedBackLetterIsTheSameEvent stores a letter, reads it as a message that
// some tool moved back days later, and compares what the worker makes of both.
func TestMovedBackLetterIsTheSameEvent(t *testing.T) {
	const request = `{"Identifier":"lamp-1","Name":"x"}`
	wrapped := `{"specversion":"1.0","id":"7","source":"/hub","time":"2026-03-01T12:00:01.000000001Z","data":` + request + `}`
	for name, c := range map[string]struct {
		body       string
		attributes map[string]message.Attribute
	}{
		"nothing but the request":        {request, nil},
		"an invalid request":             {`{"Identifier":"lamp-1","Nmae":"x"}`, nil},
		"a wrapping":                     {wrapped, nil},
		"a wrapping and eight":           {wrapped, plain(8)},
		"eight attributes":               {request, plain(8)},
		"a time and a key":               {request, map[string]message.Attribute{"OccurredAt": {DataType: "Number", StringValue: "1772366400000"}, "DeduplicationId": text("event-9")}},
		"a Failure that is not ours":     {request, map[string]message.Attribute{"Failure": text(`{"reason":"rejected"}`)}},
		"ten with a Failure not ours":    {request, with(plain(9), "Failure", text("x"))},
		"a clock ahead":                  {request, map[string]message.Attribute{"OccurredAt": text("2090-01-01T00:00:00Z")}},
		"a clock never set":              {request, map[string]message.Attribute{"OccurredAt": text("1970-01-01T00:00:00Z")}},
		"a key of odd characters":        {strings.Replace(wrapped, `"7"`, `"\u0001\uffff"`, 1), nil},
		"a key that is too long":         {strings.Replace(wrapped, `"7"`, `"`+strings.Repeat("k", 999)+`"`, 1), nil},
		"no room for more than the time": {request + strings.Repeat(" ", 1<<20-len(request)-600), nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := message.Incoming{ID: "m-1", Body: c.body, SentAt: sent, SequenceNumber: "18870659384132600832", Receives: 9, Attributes: c.attributes}
			for move := range 3 {
				first := decoded(in)
				e, _ := copyOf(t, first)
				in = message.Incoming{
					ID: fmt.Sprint("moved-", move), Body: *e.MessageBody, SentAt: in.SentAt.Add(40 * 24 * time.Hour), SequenceNumber: "2" + in.SequenceNumber, Receives: 1,
					Attributes: map[string]message.Attribute{},
				}
				for name, a := range e.MessageAttributes {
					in.Attributes[name] = message.Attribute{DataType: *a.DataType, StringValue: aws.ToString(a.StringValue), BinaryValue: a.BinaryValue}
				}
				before, after := first.Update, decoded(in).Update
				if after.Letter == nil {
					t.Fatalf("move %d: no letter, says the decoder: %v", move, value(e, "Failure"))
				}
				if after.Key != before.Key || after.Order.Compare(before.Order) != 0 || after.Receives != before.Receives {
					t.Errorf("move %d:\n%q %+v %d, before\n%q %+v %d", move, after.Key, after.Order, after.Receives, before.Key, before.Order, before.Receives)
				}
			}
		})
	}
}

func TestTraceHeaderSurvivesTenAttributes(t *testing.T) {
	l := letter(plain(10))
	l.Message.TraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
	e, _ := copyOf(t, l)
	a := e.MessageSystemAttributes["AWSTraceHeader"]
	if aws.ToString(a.StringValue) != l.Message.TraceHeader || aws.ToString(a.DataType) != "String" {
		t.Errorf("AWSTraceHeader: %+v", a)
	}
	if len(e.MessageAttributes) != 10 {
		t.Errorf("%d attributes, want 10", len(e.MessageAttributes))
	}
}

func TestProducersValuesAreKept(t *testing.T) {
	l := letter(map[string]message.Attribute{
		"OccurredAt":      {DataType: "Number", StringValue: "1772366400000"},
		"Failure":         {DataType: "Binary.zip", BinaryValue: []byte{1, 0, 2}},
		"DeduplicationId": text("event-9"),
	})
	l.Update.Key = "attribute:event-9"
	e, _ := copyOf(t, l)
	original := failureIn(t, e).Original
	if o := original["OccurredAt"]; o.DataType != "Number" || o.StringValue != "1772366400000" {
		t.Errorf("original OccurredAt: %+v", o)
	}
	if o := original["Failure"]; o.DataType != "Binary.zip" || string(o.BinaryValue) != "\x01\x00\x02" {
		t.Errorf("original Failure: %+v", o)
	}
	if o := original["DeduplicationId"]; o.StringValue != "event-9" {
		t.Errorf("original DeduplicationId: %+v", o)
	}
	if value(e, "DeduplicationId") != "attribute:event-9" || *e.MessageAttributes["Failure"].DataType != "String" {
		t.Errorf("attributes: %+v", e.MessageAttributes)
	}
}

// TestRoomForBytes: how much of a letter fits behind a body that leaves so many
// bytes of the 1 MiB.
func TestRoomForBytes(t *testing.T) {
	for name, c := range map[string]struct {
		left     int
		stamped  string
		timeless bool
	}{
		"nothing":                       {0, "", true},
		"one byte less than OccurredAt": {45, "", true},
		"just OccurredAt":               {46, "O", false},
		"not a small Failure":           {250, "O", false},
		"a small Failure":               {450, "OF", false},
		"everything":                    {20_000, "OFD", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter(nil)
			l.Message.Body = strings.Repeat("x", 1<<20-c.left)
			if c.stamped == "OF" {
				l.Update.Key = "attribute:" + strings.Repeat("k", 90) // in Failure too
			}
			e, p := copyOf(t, l)
			var ours []string
			for _, name := range []string{"OccurredAt", "Failure", "DeduplicationId"} {
				if _, ok := e.MessageAttributes[name]; ok {
					ours = append(ours, name[:1])
				}
			}
			stamped := strings.Join(ours, "")
			if stamped != c.stamped {
				t.Errorf("stamped %q, want %q", stamped, c.stamped)
			}
			if got := p.metrics.LettersNoTime.Count() == 1; got != c.timeless {
				t.Errorf("counted without time: %v, want %v", got, c.timeless)
			}
		})
	}
}

func TestFailureShrinksBeforeItIsLeftOut(t *testing.T) {
	full := letter(map[string]message.Attribute{"OccurredAt": text("yesterday")})
	full.Failure.Detail = strings.Repeat("d", 2000)
	full.Failure.Faults = []message.Fault{{Pointer: "/first", Rule: strings.Repeat("r", 500)}, {Pointer: "/second", Rule: strings.Repeat("r", 500)}}
	full.Update.Order.Sequence = "18870659384132600832"
	wants := []struct {
		left     int
		detail   bool
		faults   int
		original bool
	}{{8000, true, 2, true}, {2000, false, 2, true}, {1300, false, 1, true}, {600, false, 0, true}, {390, false, 0, false}}
	for _, want := range wants {
		t.Run(fmt.Sprint(want.left, " bytes"), func(t *testing.T) {
			l := full
			l.Message.Body = strings.Repeat("x", 1<<20-want.left)
			e, _ := copyOf(t, l)
			f := failureIn(t, e)
			if (f.Detail != "") != want.detail || len(f.Faults) != want.faults || (len(f.Original) > 0) != want.original {
				t.Errorf("detail: %v, %d faults, original: %v; want %+v", f.Detail != "", len(f.Faults), f.Original, want)
			}
			if f.Reason == "" || f.Code == "" || f.MessageID == "" || f.SentAt == "" || f.SequenceNumber == "" || f.DedupKey == "" ||
				f.OccurredAt == "" || f.Receives == 0 || f.Attempts == 0 || f.FailedAt == "" || f.Worker == "" {
				t.Errorf("something that must stay is gone: %+v", f)
			}
		})
	}
}

func TestKeyOfTheProducersStaysWhereFailureDoesNotFit(t *testing.T) {
	l := letter(with(plain(0), "DeduplicationId", text("event-9")))
	l.Message.Body = strings.Repeat("x", 1<<20-100)
	e, _ := copyOf(t, l)
	if value(e, "DeduplicationId") != "event-9" || value(e, "Failure") != "" || value(e, "OccurredAt") == "" {
		t.Errorf("attributes: %v, %v", value(e, "DeduplicationId"), value(e, "Failure"))
	}
}

func TestLetterIsOfCharactersThatSQSTakes(t *testing.T) {
	l := letter(with(plain(0), "DeduplicationId", text("event-9")))
	l.Failure.Detail = "line\nbreak, \x00\x1b, \ufffe\uffff, \u2028, <&>, broken \xff"
	l.Update.Key = "cloudevents:\x01\uffff"
	e, _ := copyOf(t, l)
	if raw := value(e, "Failure"); strings.ContainsAny(raw, "\n\r") {
		t.Errorf("Failure has more than one line: %q", raw)
	}
	f := failureIn(t, e)
	if want := strings.ReplaceAll(l.Failure.Detail, "\xff", "\ufffd"); f.Detail != want {
		t.Errorf("detail %q, want %q", f.Detail, want)
	}
	// A key that no attribute can hold is in the Failure alone: the producer's
	// would be taken for it.
	if f.DedupKey != l.Update.Key || f.Original["DeduplicationId"].StringValue != "event-9" {
		t.Errorf("Failure: %+v", f)
	}
	if _, ok := e.MessageAttributes["DeduplicationId"]; ok {
		t.Error("the producer's DeduplicationId stands beside a Failure")
	}
}

func TestLetterThatWasMovedBack(t *testing.T) {
	first, _ := copyOf(t, letter(with(plain(1), "Failure", text("the producer's"))))
	old := failureIn(t, first)
	old.Receives = 40

	l := letter(map[string]message.Attribute{
		"Own0": text("0"), "OccurredAt": text(value(first, "OccurredAt")),
		"Failure": text(value(first, "Failure")), "DeduplicationId": text(value(first, "DeduplicationId")),
	})
	l.Message.ID, l.Message.SentAt, l.Message.Receives = "m-2", sent.Add(72*time.Hour), 1
	l.Update.Letter, l.Update.Receives, l.Update.TimeFrom = &old, 40, message.TimeFromAttribute
	l.Failure = message.Failure{Reason: message.NotFound, Attempts: 1}
	again, _ := copyOf(t, l)

	f := failureIn(t, again)
	if f.Reason != message.NotFound || f.MessageID != "m-1" || f.SentAt != old.SentAt || f.Receives != 40 || f.DedupKey != "sqs:m-1" {
		t.Errorf("Failure: %+v", f)
	}
	if len(f.Original) != 1 || f.Original["Failure"].StringValue != "the producer's" {
		t.Errorf("original: %+v, want the producer's Failure alone", f.Original)
	}
	for _, name := range []string{"OccurredAt", "DeduplicationId"} {
		if value(again, name) != value(first, name) {
			t.Errorf("%s: %s, want %s", name, value(again, name), value(first, name))
		}
	}
}

func TestMovedBackLetterKeepsItsOldFailureWhereTheNewOneDoesNotFit(t *testing.T) {
	first, _ := copyOf(t, letter(nil))
	old := failureIn(t, first)
	l := letter(map[string]message.Attribute{"OccurredAt": text(value(first, "OccurredAt")), "Failure": text(value(first, "Failure")), "DeduplicationId": text("sqs:m-1")})
	l.Update.Letter, l.Update.TimeFrom = &old, message.TimeFromAttribute
	used := 0
	for name, a := range l.Message.Attributes {
		used += len(name) + len("String") + len(a.StringValue)
	}
	l.Failure = message.Failure{Reason: message.Exhausted, Code: strings.Repeat("c", 300), Attempts: 8}
	l.Message.Body = strings.Repeat("x", 1<<20-used)
	e, p := copyOf(t, l)
	if f := failureIn(t, e); f.Reason != old.Reason || f.MessageID != "m-1" || value(e, "DeduplicationId") != "sqs:m-1" {
		t.Errorf("Failure: %+v", f)
	}
	if p.metrics.LettersNoTime.Count() != 0 {
		t.Error("counted as one without time")
	}
}

func TestMessageGroups(t *testing.T) {
	for name, c := range map[string]struct {
		url, group, thing string
		want              string // MessageGroupId
	}{
		"standard without a group":        {standardURL, "", "lamp-1", ""},
		"standard with a tenant":          {standardURL, "tenant-1", "lamp-1", "tenant-1"},
		"FIFO with its group":             {fifoURL, "group-1", "lamp-1", "group-1"},
		"FIFO from a standard queue":      {fifoURL, "", "lamp-1", "lamp-1"},
		"FIFO without a group or a thing": {fifoURL, "", "", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter(nil)
			l.Message.GroupID, l.Update.Thing = c.group, c.thing
			e := newPost(t, c.url).one(t, l)
			if got := aws.ToString(e.MessageGroupId); got != c.want {
				t.Errorf("MessageGroupId %q, want %q", got, c.want)
			}
			want := ""
			if c.url == fifoURL {
				want = "m-1"
			}
			if got := aws.ToString(e.MessageDeduplicationId); got != want {
				t.Errorf("MessageDeduplicationId %q, want %q", got, want)
			}
		})
	}
}
