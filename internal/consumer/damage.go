package consumer

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// damage says what of a message did not arrive as SQS stored it; empty: nothing. The SDK's
// own check of checksums is off: for one bad message it refuses the whole answer, and the
// other nine stay hidden until their leases end.
func damage(m *types.Message) string {
	switch {
	case aws.ToString(m.MessageId) == "":
		return "no MessageId"
	case aws.ToString(m.ReceiptHandle) == "":
		return "no ReceiptHandle"
	case aws.ToString(m.Body) == "": // SQS stores no empty body
		return "no Body"
	case fips140.Enforced(): // MD5 would end the process
		return ""
	case m.MD5OfBody != nil && !isHex(*m.MD5OfBody, md5.Sum([]byte(*m.Body))):
		return "the body's checksum differs"
	case m.MD5OfMessageAttributes != nil && !isHex(*m.MD5OfMessageAttributes, attributesMD5(m.MessageAttributes)):
		return "the message attributes' checksum differs"
	}
	return ""
}

// isHex reports whether text is the sum.
func isHex(text string, sum [md5.Size]byte) bool {
	var digits [2 * md5.Size]byte
	hex.Encode(digits[:], sum[:])
	return text == string(digits[:])
}

// The types of values in the checksum of attributes.
const (
	stringValue = 1 // Number too
	binaryValue = 2
)

// attributesMD5 is the checksum that SQS gives of message attributes (Developer Guide,
// "Calculating the MD5 message digest for message attributes").
func attributesMD5(attributes map[string]types.MessageAttributeValue) [md5.Size]byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		dataType := aws.ToString(a.DataType)
		b = appendSized(appendSized(b, name), dataType)
		if strings.HasPrefix(dataType, "Binary") {
			b = appendSized(append(b, binaryValue), string(a.BinaryValue))
		} else {
			b = appendSized(append(b, stringValue), aws.ToString(a.StringValue))
		}
	}
	return md5.Sum(b)
}

func appendSized(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// giveBackLocked makes a damaged message visible again, after a backoff by its receives: it
// may arrive whole then. One without an id or a receipt handle comes again when its lease
// ends.
func (c *Consumer) giveBackLocked(m *types.Message, in message.Incoming, what string, now time.Time) {
	c.metrics.Damaged.Inc()
	if !c.damaged[what] {
		c.damaged[what] = true
		c.log.Warn("a message arrived damaged and is given back; others of this kind are only counted: see what is between the worker and SQS",
			telemetry.MessageID(in.ID), telemetry.Reason(what))
	}
	if in.ID == "" || sqswire.Handle(m) == "" {
		return
	}
	d := c.acceptLocked(in, sqswire.Handle(m), now)
	if d == nil { // it is held, and whole
		if d := c.held[in.ID]; d != nil && d.receives == in.Receives {
			d.again = nil // but not what was received now: it is released once more
		}
		return
	}
	d.delay = c.wait(in.Receives)
	c.countLocked(d, message.Released)
	c.moveLocked(d, releasing)
}

// sayUnchecked logs once that checksums cannot be checked here.
func (c *Consumer) sayUnchecked() {
	if fips140.Enforced() {
		c.log.Info("the checksums of messages are not checked: SQS's are MD5, which is not allowed here (GODEBUG=fips140=only)")
	}
}
