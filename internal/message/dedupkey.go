package message

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// keyOrigins are the origins that a dedup key begins with, before its first
// colon, so that keys of different origin never collide.
var keyOrigins = []string{originSQS, "sns", "kinesis", "eventbridge", "cloudevents", "attribute"}

// keyOf is the dedup key that an envelope's member gives; empty where it has none.
func keyOf(origin string, o object, member string) string {
	id, _ := o.text(member)
	if id == "" {
		return ""
	}
	return boundKey(origin, id)
}

// boundKey is a dedup key: the origin and what it calls the event, or that one's
// SHA-256 where the key would be over MaxKey bytes or could not be written into a
// message attribute. A key that comes back on a letter is within both bounds, so
// it stays as it is.
func boundKey(origin, id string) string {
	if key := origin + ":" + id; len(key) <= MaxKey && WritableInAttribute(key) {
		return key
	}
	sum := sha256.Sum256([]byte(id))
	return origin + ":sha256:" + hex.EncodeToString(sum[:])
}

// originSQS is the origin of a key that no producer gave: SQS's own MessageId.
const originSQS = "sqs"

// boundWholeKey is a key that has its origin already, held to the bounds in case
// it was not a worker that wrote it.
func boundWholeKey(key string) string {
	if len(key) <= MaxKey && WritableInAttribute(key) {
		return key
	}
	for _, origin := range keyOrigins {
		if id, ok := strings.CutPrefix(key, origin+":"); ok {
			return boundKey(origin, id)
		}
	}
	return boundKey("attribute", key)
}

// WritableInAttribute reports whether SQS takes s as a String attribute: it
// refuses whatever XML 1.0 has no character for.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func WritableInAttribute(s string) bool {
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		case r == '\t', r == '\n', r == '\r', 0x20 <= r && r <= 0xFFFD, r >= 0x10000:
		default:
			return false
		}
	}
	return true
}
