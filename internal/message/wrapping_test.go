package message_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/message"
)

const request = `{"Identifier":"a1b2c3","Name":"Hall light","MetaData":{"room": "hall"}}`

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestEachWrappingGivesPayloadKeyAndTime(t *testing.T) {
	cases := []struct {
		name, body string
		wrappings  []string
		key        string
		time       string
		from       message.TimeSource
	}{
		{"none", request, nil, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"none, white space around", " \r\n\t" + request + "\n", nil, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"sns", inSNS(request), []string{"sns"}, "sns:sns-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping},
		{"kinesis", inKinesis(request), []string{"kinesis"}, "kinesis:shardId-0:49", "2026-11-20T11:00:02.123456789Z", message.TimeFromWrapping},
		{"eventbridge", inEventBridge(request), []string{"eventbridge"}, "eventbridge:eb-1", "2026-11-20T11:00:03Z", message.TimeFromWrapping},
		{"eventbridge, detail a string", inEventBridgeText(request), []string{"eventbridge"}, "eventbridge:eb-1", "2026-11-20T11:00:03Z", message.TimeFromWrapping},
		{"cloudevents", inCloudEvent(request), []string{"cloudevents"}, "cloudevents:/s\nce-1", "2026-11-20T11:00:04.123456789Z", message.TimeFromWrapping},
		{"cloudevents, data a string", inCloudEventText(request), []string{"cloudevents"}, "cloudevents:/s\nce-1", "2026-11-20T11:00:04.123456789Z", message.TimeFromWrapping},
		{"cloudevents, data_base64", inCloudEvent64(request), []string{"cloudevents"}, "cloudevents:/s\nce-1", "2026-11-20T11:00:04.123456789Z", message.TimeFromWrapping},
		{"base64", inBase64(request), []string{"base64"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"sns around eventbridge", inSNS(inEventBridge(request)), []string{"sns", "eventbridge"}, "eventbridge:eb-1", "2026-11-20T11:00:03Z", message.TimeFromWrapping},
		{"sns around base64", inSNS(inBase64(request)), []string{"sns", "base64"}, "sns:sns-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping},
		{"eventbridge around base64", inEventBridgeText(inBase64(request)), []string{"eventbridge", "base64"}, "eventbridge:eb-1", "2026-11-20T11:00:03Z", message.TimeFromWrapping},
		{"base64 twice", inBase64(inBase64(request)), []string{"base64", "base64"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"json string", quoted(request), []string{"json string"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"json string, white space around", "\n " + quoted(request) + "\n", []string{"json string"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"json string around sns", quoted(inSNS(request)), []string{"json string", "sns"}, "sns:sns-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping},
		{"sns around a json string", inSNS(quoted(request)), []string{"sns", "json string"}, "sns:sns-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping},
		{"eventbridge, detail encoded twice", inEventBridgeText(quoted(request)), []string{"eventbridge", "json string"}, "eventbridge:eb-1", "2026-11-20T11:00:03Z", message.TimeFromWrapping},
		{"base64 around a json string", inBase64(quoted(request)), []string{"base64", "json string"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"json string around base64", quoted(inBase64(request)), []string{"json string", "base64"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{"encoded three times", quoted(quoted(request)), []string{"json string", "json string"}, "sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent},
		{
			"4 deep", inBase64(inSNS(inKinesis(inCloudEvent(request)))),
			[]string{"base64", "sns", "kinesis", "cloudevents"},
			"cloudevents:/s\nce-1", "2026-11-20T11:00:04.123456789Z", message.TimeFromWrapping,
		},
		{
			"key and time from different wrappings", inSNS(`{"specversion":"1.0","id":"ce-1","source":"/s","data":` + request + `}`),
			[]string{"sns", "cloudevents"},
			"cloudevents:/s\nce-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping,
		},
		{
			"a CloudEvent without a source has no key", inSNS(`{"specversion":"1.0","id":"ce-1","data":` + request + `}`),
			[]string{"sns", "cloudevents"},
			"sns:sns-1", "2026-11-20T11:00:01.719Z", message.TimeFromWrapping,
		},
		{
			"empty and null ids count as absent", `{"Type":"Notification","MessageId":"","Timestamp":null,"Message":` + quoted(`{"detail-type":"","id":null,"detail":`+request+`}`) + `}`,
			[]string{"sns", "eventbridge"},
			"sqs:sqs-1", "2026-11-20T12:00:00.5Z", message.TimeFromSent,
		},
		{
			"where two match, CloudEvents counts", `{"specversion":"1.0","id":"1","source":"s","data":` + request + `,"detail-type":"t","detail":{},"kinesisSchemaVersion":"1.0","Type":"Notification","Message":"","Identifier":"x"}`,
			[]string{"cloudevents"},
			"cloudevents:s\n1", "2026-11-20T12:00:00.5Z", message.TimeFromSent,
		},
		{
			"EventBridge before Kinesis", `{"detail-type":"t","id":"1","detail":` + request + `,"kinesisSchemaVersion":"1.0","data":"","Type":"Notification","Message":"","Identifier":"x"}`,
			[]string{"eventbridge"},
			"eventbridge:1", "2026-11-20T12:00:00.5Z", message.TimeFromSent,
		},
		{
			"Kinesis before SNS", `{"kinesisSchemaVersion":"1.0","eventID":"1","data":"` + inBase64(request) + `","Type":"Notification","Message":"","Identifier":"x"}`,
			[]string{"kinesis"},
			"kinesis:1", "2026-11-20T12:00:00.5Z", message.TimeFromSent,
		},
		{
			"SNS before none", `{"Type":"Notification","MessageId":"1","Message":` + quoted(request) + `,"Identifier":"x"}`,
			[]string{"sns"},
			"sns:1", "2026-11-20T12:00:00.5Z", message.TimeFromSent,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, faults := decode(c.body)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if u.Thing != "a1b2c3" || len(u.Members) != 2 || string(u.Members[1].Value) != `{"room": "hall"}` {
				t.Errorf("thing %q, members %q", u.Thing, u.Members)
			}
			if !slices.Equal(u.Wrappings, c.wrappings) || u.Key != c.key || u.TimeFrom != c.from || u.TimeIgnored != "" {
				t.Errorf("wrappings %q, key %q, time from %q (ignored: %q)", u.Wrappings, u.Key, u.TimeFrom, u.TimeIgnored)
			}
			if !u.Order.EventTime.Equal(at(c.time)) {
				t.Errorf("event time %v, want %s", u.Order.EventTime, c.time)
			}
			if u.BodyHasTime() != (c.from == message.TimeFromWrapping) {
				t.Errorf("BodyHasTime() = %v", u.BodyHasTime())
			}
		})
	}
}

func TestBase64IsTakenInBothAlphabetsPaddedOrNotBrokenIntoLines(t *testing.T) {
	standard := inBase64(`{"Identifier":"a1b2c3","Name":"ÿÿ  aϿϾ"}`)
	if !strings.Contains(standard, "/") || !strings.Contains(standard, "+") || !strings.HasSuffix(standard, "=") {
		t.Fatalf("%s does not tell the alphabets apart", standard)
	}
	lines := strings.Join(strings.Split(standard, ""), "\r\n ")
	url := strings.NewReplacer("+", "-", "/", "_").Replace(standard)
	for _, body := range []string{standard, url, strings.TrimRight(standard, "="), strings.TrimRight(url, "="), lines, "\n" + standard + "\n"} {
		if u, faults := decode(body); len(faults) > 0 || u.Thing != "a1b2c3" {
			t.Errorf("%q: %v", body, faults)
		}
	}
}

func TestWhatIsWrongWithAnEnvelopeIsSaidWithItsPlace(t *testing.T) {
	cases := []struct {
		name, body        string
		in, pointer, rule string
		detail            string
	}{
		{"sns, Message an object", `{"Type":"Notification","Message":{"Identifier":"a"}}`, "", "/Message", "a string", "got an object"},
		{"sns, Message null", inSNS(`{"Type":"Notification","Message":null}`), "sns", "/Message", "a string", "got null"},
		{"sns, Message empty", inSNS(``), "sns", "", "valid JSON", "the text is empty"},
		{"sns, Message a number", inSNS(`7`), "sns", "", "a JSON object", "expected a JSON object, got a number"},
		{"sns, Message text", inSNS(`hello, world`), "sns", "", "valid JSON", "nor the base64"},
		{"kinesis, data a number", `{"kinesisSchemaVersion":"1.0","data":7}`, "", "/data", "base64 text", "got a number"},
		{"kinesis, data no base64", inSNS(`{"kinesisSchemaVersion":"1.0","data":"{}"}`), "sns", "/data", "base64 text", "not the base64"},
		{"kinesis, data empty", `{"kinesisSchemaVersion":"1.0","data":""}`, "", "/data", "base64 text", "not the base64"},
		{"kinesis, data not UTF-8", `{"kinesisSchemaVersion":"1.0","data":"/w=="}`, "", "/data", "base64 text", "not the base64"},
		{"eventbridge, detail null", `{"detail-type":"t","detail":null}`, "", "/detail", "a JSON object", "got null"},
		{"eventbridge, detail an array", `{"detail-type":"t","detail":[]}`, "", "/detail", "a JSON object", "got an array"},
		{"eventbridge, detail a string of null", inEventBridge(`"null"`), "eventbridge", "", "a JSON object", "got null"},
		{"cloudevents without data", `{"specversion":"1.0","id":"1","source":"s"}`, "", "/data", "required member", "missing"},
		{"cloudevents, data a boolean", `{"specversion":"1.0","data":true}`, "", "/data", "a JSON object", "got a boolean"},
		{"cloudevents, data null", `{"specversion":"1.0","data":null}`, "", "/data", "a JSON object", "got null"},
		{"cloudevents, data_base64 broken", `{"specversion":"1.0","data_base64":"="}`, "", "/data_base64", "base64 text", "not the base64"},
		{"5 deep", inSNS(inKinesis(inSNS(inEventBridge(inSNS(request))))), "sns > kinesis > sns > eventbridge", "", "at most 4 wrappings", "wrapped more than 4 deep"},
		{"5 deep, the last base64", inSNS(inKinesis(inSNS(inEventBridgeText(inBase64(request))))), "sns > kinesis > sns > eventbridge", "", "at most 4 wrappings", "base64"},
		{"5 deep, the last a json string", inSNS(inKinesis(inSNS(inEventBridgeText(quoted(request))))), "sns > kinesis > sns > eventbridge", "", "at most 4 wrappings", "json string"},
		{"json string of text", `"hello"`, "json string", "", "valid JSON", "not JSON at"},
		{"json string of nothing", `""`, "json string", "", "valid JSON", "the text is empty"},
		{"json string of a number", `"7"`, "json string", "", "a JSON object", "got a number"},
		{"inside", inSNS(inEventBridge(`{"Identifier":"a","Name":7}`)), "sns > eventbridge", "/Name", "a string", "got 7"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, faults := decode(c.body)
			if len(faults) != 1 {
				t.Fatalf("%d faults: %v", len(faults), faults)
			}
			f := faults[0]
			if f.In != c.in || f.Pointer != c.pointer || f.Rule != c.rule || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("%+v", f)
			}
			if u.Key == "" || u.Order.EventTime.IsZero() || u.Order.MessageID != "sqs-1" || u.Receives != 1 {
				t.Errorf("an invalid message keeps its key and order: %+v", u)
			}
		})
	}
}

func TestAnInvalidMessageKeepsTheKeyAndTimeOfItsWrappings(t *testing.T) {
	for _, body := range []string{inEventBridge(`{"Name":7}`), inEventBridge(`7`), inEventBridge(`"` + inBase64("no") + `"`)} {
		u, faults := decode(body)
		if len(faults) == 0 || u.Key != "eventbridge:eb-1" || u.TimeFrom != message.TimeFromWrapping || !slices.Contains(u.Wrappings, "eventbridge") {
			t.Errorf("%s: %+v %v", body, u, faults)
		}
	}
}
