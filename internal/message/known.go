package message

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What is no update, but is known by its shape, is named as what it is, with the way
// out. A list of twelve unknown members tells nobody that a subscription waits to be
// confirmed.

const ruleUpdate = "an update"

// knownShape names an object that is no update; empty where its shape is not known.
// An object with an Identifier is an update, whatever else it has.
func knownShape(o object) string {
	if o.get("Identifier") != nil {
		return ""
	}
	kind, _ := o.text("Type")
	event, _ := o.text("Event")
	switch {
	case kind == "SubscriptionConfirmation":
		return "this asks to confirm an SNS subscription: until somebody opens its SubscribeURL, the topic sends nothing to this queue"
	case kind == "UnsubscribeConfirmation":
		return "this says that the queue was unsubscribed from an SNS topic: the topic sends nothing more to it"
	case event == "s3:TestEvent":
		return "this is a test event: S3 sends one when a bucket is set to notify this queue, and its events are no updates of things"
	case isS3Event(o.get("Records")):
		return "this is an event of S3: a bucket notifies this queue, and its events are no updates of things"
	}
	return ""
}

// isS3Event reports whether records are those of an S3 event notification:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func isS3Event(records []byte) bool {
	return firstOf(records).Kind() == '{' && bytes.Contains(records, []byte(`"aws:s3"`))
}

const s3Pointer = "this is a pointer to a payload in S3, as amazon-sqs-extended-client writes it, and the worker does not read S3: send the request itself; SQS takes 1 MiB"

// isS3Pointer reports whether an array is what the extended clients of SQS and SNS put
// in place of a large payload: the name of a Java class, PayloadS3Pointer or the older
// MessageS3Pointer, and where the payload is.
func isS3Pointer(array []byte) bool {
	first := firstOf(array)
	return first.Kind() == '"' && strings.HasSuffix(first.String(), "S3Pointer")
}

// firstOf is the first token inside an array; the zero token where there is none.
func firstOf(array []byte) jsontext.Token {
	dec := jsontext.NewDecoder(bytes.NewBuffer(array), lenient...)
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '[' {
		return jsontext.Token{}
	}
	token, err := dec.ReadToken()
	if err != nil {
		return jsontext.Token{}
	}
	return token.Clone()
}

// isUTF16 reports whether text is UTF-16: by its byte order mark, or by a NUL beside
// its first character, which is ASCII in every JSON document.
func isUTF16(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	a, b := text[0], text[1]
	return a == 0xff && b == 0xfe || a == 0xfe && b == 0xff || a == 0 && b != 0 && b < 0x80 || b == 0 && a != 0 && a < 0x80
}
