package fleet

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"managed-thing-updater/internal/message"
)

// Wrappings are the kinds of envelopes; a message has up to four, or none.
var Wrappings = []string{"sns", "kinesis", "eventbridge", "cloudevents", "base64"}

// wrappingWeights are the ways that messages take, outermost wrapping first.
var wrappingWeights = []struct {
	chain []string
	times int
}{
	{nil, 36},
	{[]string{"sns"}, 16},
	{[]string{"kinesis"}, 11},
	{[]string{"eventbridge"}, 10},
	{[]string{"cloudevents"}, 12},
	{[]string{"base64"}, 6},                                          // an IoT rule's SQS action
	{[]string{"sns", "eventbridge"}, 3},                              // a rule with a topic for its target
	{[]string{"eventbridge", "cloudevents"}, 2},                      //
	{[]string{"kinesis", "cloudevents"}, 2},                          //
	{[]string{"base64", "sns"}, 1},                                   //
	{[]string{"sns", "eventbridge", "cloudevents", "base64"}, 1},     // as deep as it may be
	{[]string{"kinesis", "base64", "eventbridge", "cloudevents"}, 1}, // the same
}

// wrap sets the message's body, attributes, wrappings, and the event's time and
// key as far as the message says them.
func (f *Fleet) wrap(m *Message, request string, happened time.Time) {
	m.Wrappings = f.wrappings.next(f.rand)
	m.Body = request
	e := &m.Event
	// A producer of its own may stamp its messages; one that sends events late
	// does, or nobody would know.
	plain := len(m.Wrappings) == 0 || len(m.Wrappings) == 1 && (m.Wrappings[0] == "base64" || m.Wrappings[0] == "sns")
	if plain && (f.chance(2) || m.Twist != "" && m.Wrappings == nil) {
		m.Attributes = f.stamps(e, happened)
	}
	at := happened
	for i, name := range slices.Backward(m.Wrappings) {
		var written time.Time
		var key string
		attributes := m.Attributes
		if i > 0 {
			attributes = nil // they are on the outside
		}
		m.Body, written, key = f.envelope(name, m.Body, at, attributes)
		if name == "sns" && i == 0 {
			m.Attributes = nil // they went into the notification
		}
		if e.Time.IsZero() && !written.IsZero() {
			e.Time = written
		}
		if e.Key == "" {
			e.Key = key
		}
		at = at.Add(time.Duration(20+f.rand.IntN(200)) * time.Millisecond)
	}
}

// stamps are the attributes OccurredAt and DeduplicationId, or one of them, and
// some of the producer's own.
func (f *Fleet) stamps(e *Event, happened time.Time) map[string]message.Attribute {
	a := map[string]message.Attribute{
		"producer": {DataType: "String", StringValue: "device-gateway"},
	}
	switch f.rand.IntN(3) {
	case 0:
		e.Time = happened.Truncate(time.Millisecond)
		a["OccurredAt"] = message.Attribute{DataType: "Number", StringValue: strconv.FormatInt(e.Time.UnixMilli(), 10)}
	default:
		e.Time = happened
		a["OccurredAt"] = message.Attribute{DataType: "String", StringValue: happened.UTC().Format(time.RFC3339Nano)}
	}
	if !f.chance(3) {
		id := f.uuid()
		e.Key = "attribute:" + id
		a["DeduplicationId"] = message.Attribute{DataType: "String", StringValue: id}
	}
	return a
}

// envelope puts text into one wrapping, and tells the time and the dedup key
// that it has.
func (f *Fleet) envelope(name, text string, at time.Time, attributes map[string]message.Attribute) (body string, written time.Time, key string) {
	switch id := f.uuid(); name {
	case "sns":
		written = at.Truncate(time.Millisecond)
		pairs := []string{
			"Type", `"Notification"`, "MessageId", quote(id), "TopicArn", `"arn:aws:sns:eu-west-1:000000000000:things"`,
			"Message", quote(text), "Timestamp", quote(written.UTC().Format("2006-01-02T15:04:05.000Z")),
			"SignatureVersion", `"1"`, "Signature", quote(base64.StdEncoding.EncodeToString([]byte(f.hex(32)))),
			"SigningCertURL", `"https://sns.example/cert.pem"`, "UnsubscribeURL", `"https://sns.example/unsubscribe"`,
		}
		if len(attributes) > 0 {
			pairs = append(pairs, "MessageAttributes", snsAttributes(attributes))
		}
		return object(pairs...), written, "sns:" + id
	case "kinesis":
		written = at.Truncate(time.Millisecond)
		id = "shardId-000000000006:49590338271490256608559692538361571095" + strconv.Itoa(f.made)
		return object(
			"kinesisSchemaVersion", `"1.0"`, "partitionKey", quote(f.hex(8)), "sequenceNumber", quote(f.hex(20)),
			"data", quote(base64.StdEncoding.EncodeToString([]byte(text))),
			"approximateArrivalTimestamp", fmt.Sprintf("%d.%03d", written.Unix(), written.Nanosecond()/1e6),
			"eventSource", `"aws:kinesis"`, "eventVersion", `"1.0"`, "eventID", quote(id), "eventName", `"aws:kinesis:record"`,
			"awsRegion", `"eu-west-1"`, "eventSourceARN", `"arn:aws:kinesis:eu-west-1:000000000000:stream/things"`,
		), written, "kinesis:" + id
	case "eventbridge":
		written = at.Truncate(time.Second)
		return object(
			"version", `"0"`, "id", quote(id), "detail-type", `"Thing changed"`, "source", `"com.example.things"`,
			"account", `"000000000000"`, "time", quote(written.UTC().Format(time.RFC3339)), "region", `"eu-west-1"`,
			"resources", "[]", "detail", f.embedded(text),
		), written, "eventbridge:" + id
	case "cloudevents":
		written = at
		source := "/gateways/" + f.hex(4)
		payload := []string{"data", f.embedded(text)}
		if f.chance(3) {
			payload = []string{"data_base64", quote(base64.StdEncoding.EncodeToString([]byte(text)))}
		}
		zone := time.FixedZone("", 3600*(f.rand.IntN(24)-12)+1800*f.rand.IntN(2))
		return object(append([]string{
			"specversion", `"1.0"`, "type", `"com.example.thing.changed"`, "source", quote(source), "id", quote(id),
			"time", quote(at.In(zone).Format(time.RFC3339Nano)), "datacontenttype", `"application/json"`,
		}, payload...)...), written, "cloudevents:" + source + "\n" + id
	case "base64":
		encoding := []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding}[f.rand.IntN(3)]
		return encoding.EncodeToString([]byte(text)), time.Time{}, ""
	}
	panic("fleet: no wrapping " + name)
}

// embedded is text as a value inside JSON: itself if it is an object, mostly.
func (f *Fleet) embedded(text string) string {
	if text[0] != '{' || f.chance(5) {
		return quote(text)
	}
	return text
}

func snsAttributes(attributes map[string]message.Attribute) string {
	var pairs []string
	for _, name := range []string{"producer", "OccurredAt", "DeduplicationId"} {
		if a, ok := attributes[name]; ok {
			pairs = append(pairs, name, object("Type", quote(a.DataType), "Value", quote(a.StringValue)))
		}
	}
	return object(pairs...)
}
