package message_test

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Of is text in UTF-16, with or without a byte order mark.
func utf16Of(text string, order binary.AppendByteOrder, mark bool) string {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// What is no update, but is known by its shape, is named as what it is: "unknown
// member" twelve times tells nobody that a subscription waits to be confirmed.
func TestWhatIsNoUpdateIsNamed(t *testing.T) {
	const (
		confirmation = `{"Type":"SubscriptionConfirmation","MessageId":"1","Token":"2336412f37f","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"You have chosen to subscribe","SubscribeURL":"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37f","Timestamp":"2026-11-20T11:00:01.719Z","SignatureVersion":"1","Signature":"x","SigningCertURL":"https://x"}`
		testEvent    = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-20T11:00:00.000Z","Bucket":"b","RequestId":"1","HostId":"2"}`
		s3Event      = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{}}]}`
		pointer      = `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"secret-key"}]`
		oldPointer   = `["com.amazon.sqs.javamessaging.MessageS3Pointer",{"s3BucketName":"b","s3Key":"secret-key"}]`
	)
	unconfirmed := strings.Replace(confirmation, "SubscriptionConfirmation", "UnsubscribeConfirmation", 1)
	little, big := binary.LittleEndian, binary.BigEndian
	for _, c := range []struct{ name, body, in, rule, detail string }{
		{"an SNS subscription to be confirmed", confirmation, "", "an update", "SubscribeURL"},
		{"an SNS subscription that ended", unconfirmed, "", "an update", "unsubscribed"},
		{"a confirmation in a notification", inSNS(confirmation), "sns", "an update", "SubscribeURL"},
		{"an S3 test event", testEvent, "", "an update", "S3 sends one when"},
		{"an S3 test event through SNS", inSNS(testEvent), "sns", "an update", "S3 sends one when"},
		{"an S3 event", s3Event, "", "an update", "an event of S3"},
		{"a pointer to a payload in S3", pointer, "", "an update", "a pointer to a payload in S3"},
		{"the older pointer", oldPointer, "", "an update", "a pointer to a payload in S3"},
		{"a pointer in a notification", inSNS(pointer), "sns", "an update", "a pointer to a payload in S3"},
		{"a byte order mark", "\ufeff" + request, "", "valid JSON", "byte order mark"},
		{"a byte order mark in base64", inBase64("\ufeff" + request), "base64", "valid JSON", "byte order mark"},
		{"a byte order mark in a string", quoted("\ufeff" + request), "json string", "valid JSON", "byte order mark"},
		{"UTF-16", utf16Of(request, little, false), "", "valid UTF-8", "UTF-16"},
		{"UTF-16 with a mark", utf16Of(request, big, true), "", "valid UTF-8", "UTF-16"},
		{"UTF-16 in base64", inBase64(utf16Of(request, little, true)), "base64", "valid UTF-8", "UTF-16"},
		{"UTF-16 in base64, without a mark", inBase64(utf16Of(request, big, false)), "base64", "valid UTF-8", "UTF-16"},
		{"UTF-16 in Kinesis", inKinesis(utf16Of(request, little, true)), "kinesis", "valid UTF-8", "UTF-16"},
		{"UTF-16 in data_base64", inCloudEvent64(utf16Of(request, little, true)), "cloudevents", "valid UTF-8", "UTF-16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := decode(c.body)
			if len(faults) != 1 {
				t.Fatalf("%d faults: %v", len(faults), faults)
			}
			if f := faults[0]; f.In != c.in || f.Rule != c.rule || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("%+v", f)
			}
			for _, secret := range []string{"2336412f37f", "secret-key"} {
				if strings.Contains(faults[0].Detail+faults[0].Pointer, secret) {
					t.Errorf("it quotes %s: %+v", secret, faults[0])
				}
			}
		})
	}
}

// What has something of these shapes, and is an update, is one.
func TestAnUpdateIsNotTakenForSomethingElse(t *testing.T) {
	for _, body := range []string{
		`{"Identifier":"a","MetaData":{"Type":"SubscriptionConfirmation","Event":"s3:TestEvent","Records":"x"}}`,
		base64.StdEncoding.EncodeToString([]byte(request)),
	} {
		if u, faults := decode(body); len(faults) > 0 || u.Thing == "" {
			t.Errorf("%s: %v", body, faults)
		}
	}
	if _, faults := decode(`{"Identifier":"a","Type":"SubscriptionConfirmation"}`); len(faults) != 1 || faults[0].Pointer != "/Type" {
		t.Errorf("an update with a member too many: %v", faults)
	}
	if _, faults := decode(`["a",{"b":1}]`); len(faults) != 1 || faults[0].Rule != "a JSON object" {
		t.Errorf("an array: %v", faults)
	}
}
