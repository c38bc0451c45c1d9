package message_test

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"managed-thing-updater/internal/message"
)

// sentAt is when the messages of these tests were sent.
var sentAt = time.Date(2026, 11, 20, 12, 0, 0, 500e6, time.UTC)

func incoming(body string) message.Incoming {
	return message.Incoming{ID: "sqs-1", Body: body, SentAt: sentAt, Receives: 1}
}

func decode(body string) (message.Update, []message.Fault) {
	return message.Decode(incoming(body), message.Options{})
}

// quoted is text as a JSON string; what is not UTF-8 in it is replaced.
func quoted(text string) string {
	b, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	return string(b)
}

func inSNS(text string) string {
	return `{"Type":"Notification","MessageId":"sns-1","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":` + quoted(text) +
		`,"Timestamp":"2026-11-20T11:00:01.719Z","SignatureVersion":"1"}`
}

func inKinesis(text string) string {
	return `{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"49","data":"` + base64.StdEncoding.EncodeToString([]byte(text)) +
		`","approximateArrivalTimestamp":1795172402.123456789,"eventSource":"aws:kinesis","eventID":"shardId-0:49"}`
}

func inEventBridge(text string) string {
	return `{"version":"0","id":"eb-1","detail-type":"Thing changed","source":"s","account":"1","time":"2026-11-20T11:00:03Z","region":"eu-west-1","resources":[],"detail":` + text + `}`
}

func inEventBridgeText(text string) string { return inEventBridge(quoted(text)) }

func inCloudEvent(text string) string {
	return `{"specversion":"1.0","type":"t","source":"/s","id":"ce-1","time":"2026-11-20T11:00:04.123456789+00:00","data":` + text + `}`
}

func inCloudEventText(text string) string { return inCloudEvent(quoted(text)) }

func inCloudEvent64(text string) string {
	return `{"specversion":"1.0","type":"t","source":"/s","id":"ce-1","time":"2026-11-20T11:00:04.123456789Z","data":null,"data_base64":"` +
		base64.RawURLEncoding.EncodeToString([]byte(text)) + `"}`
}

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
