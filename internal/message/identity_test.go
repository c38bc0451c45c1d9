package message_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"managed-thing-updater/internal/message"
)

func text(v string) message.Attribute {
	return message.Attribute{DataType: "String", StringValue: v}
}

func number(v string) message.Attribute {
	return message.Attribute{DataType: "Number", StringValue: v}
}

func letter() message.Failure {
	return message.Failure{
		Reason: message.Rejected, Code: "ValidationException", Attempts: 1, Receives: 7, MessageID: "source-1",
		SentAt: "2026-11-01T10:00:00.250Z", SequenceNumber: "18849496460467696128", DedupKey: "sns:first",
		OccurredAt: "2026-11-01T09:59:58.123456789Z", FailedAt: "2026-11-01T10:05:00Z", Worker: "w",
		Original: map[string]message.Attribute{"OccurredAt": {DataType: "Binary", BinaryValue: []byte{1}}},
	}
}

func stamped(f message.Failure) message.Attribute {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return text(string(b))
}

func withAttributes(body string, attributes map[string]message.Attribute) message.Incoming {
	in := incoming(body)
	in.Attributes = attributes
	return in
}

func TestTheEventTimeThatCounts(t *testing.T) {
	const sent = "2026-11-20T12:00:00.5Z"
	snsAt := func(timestamp, attributes string) string {
		return `{"Type":"Notification","Message":` + quoted(request) + `,"Timestamp":` + timestamp + `,"MessageAttributes":` + attributes + `}`
	}
	kinesisAt := func(arrival string) string {
		return `{"kinesisSchemaVersion":"1.0","data":"` + inBase64(request) + `","approximateArrivalTimestamp":` + arrival + `}`
	}
	const attribute, wrapping, fromSent = message.TimeFromAttribute, message.TimeFromWrapping, message.TimeFromSent
	cases := []struct {
		name       string
		body       string
		occurredAt *message.Attribute
		maxAge     time.Duration
		want       string
		from       message.TimeSource
		ignored    message.TimeFault
	}{
		{"attribute, RFC 3339", request, new(text("2026-11-20T13:30:00.123456789+02:00")), 0, "2026-11-20T11:30:00.123456789Z", attribute, ""},
		{"attribute, lower case, a label", request, new(message.Attribute{DataType: "String.iso", StringValue: "2026-11-20t11:30:00z"}), 0, "2026-11-20T11:30:00Z", attribute, ""},
		{"attribute, 12 digits: 9 count", request, new(text("2026-11-20T11:30:00.123456789999Z")), 0, "2026-11-20T11:30:00.123456789Z", attribute, ""},
		{"attribute, milliseconds", request, new(number("1795174200123")), 0, "2026-11-20T11:30:00.123Z", attribute, ""},
		{"attribute, decimals", request, new(number("1795174200123.456789")), 0, "2026-11-20T11:30:00.123456789Z", attribute, ""},
		{"attribute, an exponent", request, new(number("1.795174200123e12")), 0, "2026-11-20T11:30:00.123Z", attribute, ""},
		{"attribute, before 1970, rounded down", request, new(number("-0.0000001")), 0, "1969-12-31T23:59:59.999999999Z", attribute, ""},
		{"attribute over wrapping", inEventBridge(request), new(text("2026-11-20T11:30:00Z")), 0, "2026-11-20T11:30:00Z", attribute, ""},
		{"attribute unreadable, wrapping counts", inEventBridge(request), new(text("yesterday")), 0, "2026-11-20T11:00:03Z", wrapping, message.TimeUnreadable},
		{"attribute unreadable", request, new(text("2026-11-20 11:30")), 0, sent, fromSent, message.TimeUnreadable},
		{"attribute with a comma", request, new(text("2026-11-20T11:30:00,5Z")), 0, sent, fromSent, message.TimeUnreadable},
		{"attribute binary", request, new(message.Attribute{DataType: "Binary", BinaryValue: []byte("2026-11-20T11:30:00Z")}), 0, sent, fromSent, message.TimeUnreadable},
		{"attribute, no number", request, new(number("soon")), 0, sent, fromSent, message.TimeUnreadable},
		{"attribute, a number without end", request, new(number("1e999999999")), 0, sent, fromSent, message.TimeUnreadable},
		{"attribute, a year RFC 3339 cannot write", request, new(number("-1e15")), 0, sent, fromSent, message.TimeUnreadable},
		{"clock in 2090", request, new(text("2090-01-01T00:00:00Z")), 0, sent, fromSent, message.TimeAfterSent},
		{"clock in 2090, wrapping", snsAt(`"2090-01-01T00:00:00Z"`, `{}`), nil, 0, sent, fromSent, message.TimeAfterSent},
		{"clock in 9999", request, new(number("253402300799999")), 0, sent, fromSent, message.TimeAfterSent},
		{"just as it was sent", request, new(text(sent)), 0, sent, attribute, ""},
		{"a nanosecond later", request, new(text("2026-11-20T12:00:00.500000001Z")), 0, sent, fromSent, message.TimeAfterSent},
		{"clock at 1970, age unlimited", request, new(text("1970-01-01T00:00:00Z")), 0, "1970-01-01T00:00:00Z", attribute, ""},
		{"clock at 1970", request, new(text("1970-01-01T00:00:00Z")), 28 * 24 * time.Hour, sent, fromSent, message.TimeTooOld},
		{"clock at year 1", request, new(text("0001-01-01T00:00:00Z")), 28 * 24 * time.Hour, sent, fromSent, message.TimeTooOld},
		{"just old enough to count", request, new(text("2026-11-19T12:00:00.5Z")), 24 * time.Hour, "2026-11-19T12:00:00.5Z", attribute, ""},
		{"a nanosecond too old", request, new(text("2026-11-19T12:00:00.499999999Z")), 24 * time.Hour, sent, fromSent, message.TimeTooOld},
		{"kinesis, exact", kinesisAt("1795172402.123456789"), nil, 0, "2026-11-20T11:00:02.123456789Z", wrapping, ""},
		{"kinesis, whole", kinesisAt("1795172402"), nil, 0, "2026-11-20T11:00:02Z", wrapping, ""},
		{"kinesis, an exponent", kinesisAt("1.795172402E+9"), nil, 0, "2026-11-20T11:00:02Z", wrapping, ""},
		{"kinesis, a string", kinesisAt(`"2026"`), nil, 0, sent, fromSent, message.TimeUnreadable},
		{"kinesis, null", kinesisAt(`null`), nil, 0, sent, fromSent, ""},
		{"inner unreadable, outer counts", inSNS(`{"detail-type":"t","time":7,"detail":` + request + `}`), nil, 0, "2026-11-20T11:00:01.719Z", wrapping, message.TimeUnreadable},
		{"inside SNS, an attribute", snsAt(`"2026-11-20T11:00:00Z"`, `{"OccurredAt":{"Type":"Number","Value":"1795174200123"}}`), nil, 0, "2026-11-20T11:30:00.123Z", attribute, ""},
		{"the message's own attribute wins", snsAt(`null`, `{"OccurredAt":{"Type":"Number","Value":"1"}}`), new(text("2026-11-20T11:30:00Z")), 0, "2026-11-20T11:30:00Z", attribute, ""},
		{"inside SNS, not the form of attributes", snsAt(`"2026-11-20T11:00:00Z"`, `{"OccurredAt":"x","a":null}`), nil, 0, "2026-11-20T11:00:00Z", wrapping, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := incoming(c.body)
			if c.occurredAt != nil {
				in.Attributes = map[string]message.Attribute{"OccurredAt": *c.occurredAt}
			}
			u, faults := message.Decode(in, message.Options{MaxEventAge: c.maxAge})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if !u.Order.EventTime.Equal(at(c.want)) || u.TimeFrom != c.from || u.TimeIgnored != c.ignored {
				t.Errorf("%v from %q, ignored %q; want %s from %q, ignored %q", u.Order.EventTime, u.TimeFrom, u.TimeIgnored, c.want, c.from, c.ignored)
			}
			if inBody := c.from == wrapping || strings.HasPrefix(c.name, "inside SNS, an"); u.BodyHasTime() != inBody {
				t.Errorf("BodyHasTime() = %v", u.BodyHasTime())
			}
		})
	}
}

func TestTheDedupKeyThatCounts(t *testing.T) {
	long := strings.Repeat("x", 300)
	hashOf := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	snsWith := `{"Type":"Notification","MessageId":"m","Message":` + quoted(request) + `,"MessageAttributes":{"DeduplicationId":{"Type":"String","Value":"inner"}}}`
	cases := []struct {
		name, body string
		attributes map[string]message.Attribute
		want       string
	}{
		{"attribute", inSNS(request), map[string]message.Attribute{"DeduplicationId": text("d1")}, "attribute:d1"},
		{"attribute with another origin in it", request, map[string]message.Attribute{"DeduplicationId": text("sqs:sqs-1")}, "attribute:sqs:sqs-1"},
		{"empty attribute", inSNS(request), map[string]message.Attribute{"DeduplicationId": text("")}, "sns:sns-1"},
		{"attribute of another type", inSNS(request), map[string]message.Attribute{"DeduplicationId": number("5")}, "sns:sns-1"},
		{"attribute inside SNS", snsWith, nil, "attribute:inner"},
		{"both attributes", snsWith, map[string]message.Attribute{"DeduplicationId": text("own")}, "attribute:own"},
		{"as long as can be", request, map[string]message.Attribute{"DeduplicationId": text(long[:246])}, "attribute:" + long[:246]},
		{"a byte too long", request, map[string]message.Attribute{"DeduplicationId": text(long[:247])}, "attribute:sha256:" + hashOf(long[:247])},
		{"long CloudEvent", `{"specversion":"1.0","source":"` + long + `","id":"1","data":` + request + `}`, nil, "cloudevents:sha256:" + hashOf(long+"\n1")},
		{"a character SQS refuses", `{"specversion":"1.0","source":"s","id":"\u0001","data":` + request + `}`, nil, "cloudevents:sha256:" + hashOf("s\n\x01")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, faults := message.Decode(withAttributes(c.body, c.attributes), message.Options{})
			if len(faults) > 0 || u.Key != c.want {
				t.Fatalf("key %q, want %q; faults %v", u.Key, c.want, faults)
			}
			f := letter()
			f.DedupKey = u.Key
			for _, back := range []map[string]message.Attribute{
				{"Failure": stamped(f)},
				{"Failure": stamped(f), "DeduplicationId": text(u.Key)},
			} {
				if again, _ := message.Decode(withAttributes(c.body, back), message.Options{}); again.Key != u.Key {
					t.Errorf("back from a letter it is %q, was %q", again.Key, u.Key)
				}
			}
		})
	}
}

func TestALetterMovedBackKeepsItsPlaceInTheOrder(t *testing.T) {
	f := letter()
	all := map[string]message.Attribute{
		"OccurredAt": text("2026-11-01T09:00:00.000000001Z"), "Failure": stamped(f), "DeduplicationId": text("kinesis:shard:1"), "trace": text("x"),
	}
	without := func(names ...string) map[string]message.Attribute {
		rest := maps.Clone(all)
		for _, n := range names {
			delete(rest, n)
		}
		return rest
	}
	replaced := func(name string, a message.Attribute) map[string]message.Attribute {
		rest := maps.Clone(all)
		rest[name] = a
		return rest
	}
	cases := []struct {
		name       string
		attributes map[string]message.Attribute
		key, time  string
		ignored    message.TimeFault
	}{
		{"all attributes", all, "kinesis:shard:1", "2026-11-01T09:00:00.000000001Z", ""},
		{"without OccurredAt", without("OccurredAt"), "kinesis:shard:1", f.OccurredAt, ""},
		{"OccurredAt unreadable", replaced("OccurredAt", text("?")), "kinesis:shard:1", f.OccurredAt, message.TimeUnreadable},
		{"without DeduplicationId", without("DeduplicationId"), "sns:first", "2026-11-01T09:00:00.000000001Z", ""},
		{"only Failure", without("OccurredAt", "DeduplicationId"), "sns:first", f.OccurredAt, ""},
		{"after it was sent, the first time", replaced("OccurredAt", text("2026-11-02T00:00:00Z")), "kinesis:shard:1", f.SentAt, message.TimeAfterSent},
		{"any age", replaced("OccurredAt", text("1999-01-01T00:00:00Z")), "kinesis:shard:1", "1999-01-01T00:00:00Z", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := withAttributes(inSNS(request), c.attributes)
			in.SequenceNumber = "99999999999999999999"
			u, faults := message.Decode(in, message.Options{MaxEventAge: time.Hour})
			if len(faults) > 0 || u.Letter == nil || u.Letter.MessageID != "source-1" || u.Letter.Original["OccurredAt"].BinaryValue[0] != 1 {
				t.Fatalf("letter %+v, faults %v", u.Letter, faults)
			}
			want := message.Order{EventTime: at(c.time), Sequence: f.SequenceNumber, SentAt: at(f.SentAt), MessageID: "source-1"}
			if u.Order.Compare(want) != 0 || u.Key != c.key || u.TimeIgnored != c.ignored || u.Receives != 7 {
				t.Errorf("order %+v, key %q, ignored %q, receives %d", u.Order, u.Key, u.TimeIgnored, u.Receives)
			}
		})
	}
	in := withAttributes(request, all)
	in.Receives = 9
	if u, _ := message.Decode(in, message.Options{}); u.Receives != 9 {
		t.Errorf("received %d times, want the larger number, 9", u.Receives)
	}
}

func TestALetterOfABodyThatWasNotLookedAtIsDecodedAsAtFirst(t *testing.T) {
	const body = `{"Type":"Notification","Message":"{\"Identifier\":\"a\"}","MessageId":"m","Timestamp":"1970-01-01T00:00:00Z"}`
	for _, c := range []struct {
		body       string
		attributes map[string]message.Attribute
		key, time  string
	}{
		{request, nil, "sqs:source-1", "2026-11-01T10:00:00.25Z"},
		{inSNS(request), nil, "sns:sns-1", "2026-11-01T10:00:00.25Z"}, // its clock is ahead of the first SentTimestamp
		{body, nil, "sns:m", "2026-11-01T10:00:00.25Z"},               // its clock was never set
		{request, map[string]message.Attribute{"OccurredAt": text("2026-11-01T09:00:00Z"), "DeduplicationId": text("d")}, "attribute:d", "2026-11-01T09:00:00Z"},
	} {
		first := withAttributes(c.body, maps.Clone(c.attributes))
		first.ID, first.SentAt = "source-1", at("2026-11-01T10:00:00.25Z")
		want, _ := message.Decode(first, message.Options{MaxEventAge: 24 * time.Hour})
		u := message.Undecoded(first)
		if u.TimeFrom != "" || u.Key != "" && u.Key != want.Key {
			t.Errorf("undecoded, key %q and time from %q", u.Key, u.TimeFrom)
		}
		f := letter()
		f.Reason, f.DedupKey, f.OccurredAt, f.SequenceNumber = message.ReceivedTooOften, u.Key, "", ""
		back := withAttributes(c.body, maps.Clone(c.attributes))
		if back.Attributes == nil {
			back.Attributes = map[string]message.Attribute{}
		}
		back.Attributes["Failure"] = stamped(f)
		if u.Key != "" {
			back.Attributes["DeduplicationId"] = text(u.Key)
		}
		got, faults := message.Decode(back, message.Options{MaxEventAge: 24 * time.Hour})
		if len(faults) > 0 || got.Letter == nil || got.Order.Compare(want.Order) != 0 || got.Key != want.Key || got.Key != c.key || !got.Order.EventTime.Equal(at(c.time)) {
			t.Errorf("%s: order %+v, key %q; want %+v, %q; %v", c.body, got.Order, got.Key, want.Order, want.Key, faults)
		}
		if again := message.Undecoded(back); again.TimeFrom != "" || again.Key != u.Key || message.Receives(back) != 7 {
			t.Errorf("undecoded again, key %q and time from %q", again.Key, again.TimeFrom)
		}
	}
}

func TestALetterInsideSNSSpeaksForItself(t *testing.T) {
	f := letter()
	body := `{"Type":"Notification","MessageId":"m","Timestamp":"2026-11-20T11:00:00Z","Message":` + quoted(request) +
		`,"MessageAttributes":{"Failure":{"Type":"String","Value":` + quoted(stamped(f).StringValue) + `}}}`
	u, _ := message.Decode(incoming(body), message.Options{})
	if u.Letter == nil || u.Key != f.DedupKey || !u.Order.EventTime.Equal(at(f.OccurredAt)) || u.Order.MessageID != f.MessageID {
		t.Errorf("%+v", u)
	}
	// A letter's own stamps count over what the producer wrote inside the body.
	body = `{"Type":"Notification","Message":` + quoted(request) + `,"MessageAttributes":{"DeduplicationId":{"Type":"String","Value":"d"},"OccurredAt":{"Type":"Number","Value":"1"}}}`
	u, _ = message.Decode(withAttributes(body, map[string]message.Attribute{"Failure": stamped(f)}), message.Options{})
	if u.Key != f.DedupKey || !u.Order.EventTime.Equal(at(f.OccurredAt)) || u.BodyHasTime() {
		t.Errorf("%+v", u)
	}
}

func TestAFailureThatIsNotOursIsAnAttributeLikeAnyOther(t *testing.T) {
	change := func(f func(*message.Failure)) message.Attribute {
		l := letter()
		f(&l)
		return stamped(l)
	}
	for name, a := range map[string]message.Attribute{
		"text":               text("the pump failed"),
		"another object":     text(`{"reason":"rejected"}`),
		"a field twice":      text(strings.Replace(stamped(letter()).StringValue, "{", `{"reason":"rejected",`, 1)),
		"more behind":        text(stamped(letter()).StringValue + "{}"),
		"binary":             {DataType: "Binary", BinaryValue: []byte(stamped(letter()).StringValue)},
		"unknown reason":     change(func(f *message.Failure) { f.Reason = "tired" }),
		"no messageId":       change(func(f *message.Failure) { f.MessageID = "" }),
		"no dedupKey":        change(func(f *message.Failure) { f.DedupKey = "" }),
		"no worker":          change(func(f *message.Failure) { f.Worker = "" }),
		"sentAt no time":     change(func(f *message.Failure) { f.SentAt = "1" }),
		"failedAt no time":   change(func(f *message.Failure) { f.FailedAt = "" }),
		"occurredAt no time": change(func(f *message.Failure) { f.OccurredAt = "x" }),
		"no sequence number": change(func(f *message.Failure) { f.SequenceNumber = "12a" }),
	} {
		u, faults := message.Decode(withAttributes(request, map[string]message.Attribute{"Failure": a, "DeduplicationId": text("d")}), message.Options{})
		if len(faults) > 0 || u.Letter != nil || u.Key != "attribute:d" || u.Order.MessageID != "sqs-1" || !u.Order.SentAt.Equal(sentAt) || u.Receives != 1 {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestALetterOfANewerWorkerIsALetter(t *testing.T) {
	more := text(strings.Replace(stamped(letter()).StringValue, "{", `{"severity":3,`, 1))
	u, faults := message.Decode(withAttributes(request, map[string]message.Attribute{"Failure": more, "DeduplicationId": text("d")}), message.Options{})
	if len(faults) > 0 || u.Letter == nil || u.Key != "d" || u.Order.MessageID != letter().MessageID {
		t.Errorf("%+v", u)
	}
}

func TestOrderFromAFIFOQueue(t *testing.T) {
	in := incoming(request)
	in.SequenceNumber = "18849496460467696128"
	u, _ := message.Decode(in, message.Options{})
	if u.Order.Sequence != in.SequenceNumber || u.Order.MessageID != "sqs-1" || !u.Order.SentAt.Equal(sentAt) || u.Receives != 1 {
		t.Errorf("%+v", u.Order)
	}
}
