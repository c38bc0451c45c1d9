package thingstate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"managed-thing-updater/internal/message"
)

// RecordFormat is the format of the records that this build writes, the first
// byte of each. It reads this one and all before it.
//
// Until the first release a new format is written at once. From then on it takes
// two releases: the first reads both and writes the old one, the second writes the
// new one. So while one release replaces the other, every worker reads what every
// other writes.
//
// Format 1 had no keys in its marks, and did not tell a value without keys from
// one whose keys cannot be told apart.
const RecordFormat = 2

// The format, after the first byte. Numbers are varints as encoding/binary has
// them; a list is its length and its elements, a text its length+1 and its bytes,
// or 0 and the 16 bytes of a UUID.
//
//	time of the last Finish, in milliseconds; all other times but those of orders
//	    are milliseconds after it
//	names of the members
//	orders: event time in seconds, its nanoseconds, sent time in seconds after
//	    that, its nanoseconds, sequence number, message id
//	versions: member, order, digest, time, parts (key in 8 bytes, order)
//	marks: member, order, digest, token, time, over, keys of parts (8 bytes each)
//	keys: hash, time
//
// Here member and order are places in the lists above: values that came in one message
// share their order. The length of the two lists of parts is one more than they have, and
// 0 if the keys cannot be told apart.

// maxText bounds the texts of an order: SQS's ids have 36 characters and its
// sequence numbers 20, but those of a letter that was moved back are whatever its
// attribute says. A longer text is kept as its start and its hash.
const maxText = 64

// encodeRecord returns r, last finished at written, in RecordFormat. Of the API's
// 14 members it is at most about 150 KB long, typically less than 1 KB.
func encodeRecord(r Record, written time.Time) []byte {
	e := encoder{base: written.UnixMilli(), members: map[string]int{}, orders: map[string]int{}}
	e.number(len(r.Versions))
	for _, v := range r.Versions {
		e.value(v.Member, v.Order, v.Digest)
		e.at(v.At)
		e.listOrNone(v.Parts == nil, len(v.Parts))
		for _, p := range v.Parts {
			e.body = binary.BigEndian.AppendUint64(e.body, uint64(p.Key))
			e.order(p.Order)
		}
	}
	e.number(len(r.Marks))
	for _, m := range r.Marks {
		e.value(m.Member, m.Order, m.Digest)
		e.body = binary.AppendUvarint(e.body, m.Token)
		e.at(m.At)
		over := byte(0)
		if m.Over {
			over = 1
		}
		e.body = append(e.body, over)
		e.listOrNone(m.PartKeys == nil, len(m.PartKeys))
		for _, key := range m.PartKeys {
			e.body = binary.BigEndian.AppendUint64(e.body, uint64(key))
		}
	}
	e.number(len(r.Keys))
	for _, k := range r.Keys {
		e.body = append(e.body, k.Hash[:]...)
		e.at(k.At)
	}
	return e.bytes()
}

// encoder collects the body, and the lists that stand before it.
type encoder struct {
	base                  int64 // milliseconds
	body                  []byte
	memberList, orderList []byte
	members, orders       map[string]int // places, by what they are encoded as
}

func (e *encoder) bytes() []byte {
	b := append(make([]byte, 0, 32+len(e.memberList)+len(e.orderList)+len(e.body)), RecordFormat)
	b = binary.AppendVarint(b, e.base)
	b = binary.AppendUvarint(b, uint64(len(e.members)))
	b = append(b, e.memberList...)
	b = binary.AppendUvarint(b, uint64(len(e.orders)))
	b = append(b, e.orderList...)
	return append(b, e.body...)
}

func (e *encoder) number(n int) { e.body = binary.AppendUvarint(e.body, uint64(n)) }

func (e *encoder) at(t time.Time) { e.body = binary.AppendVarint(e.body, t.UnixMilli()-e.base) }

func (e *encoder) value(member string, order *message.Order, d Digest) {
	at, known := e.members[member]
	if !known {
		at = len(e.members)
		e.members[member] = at
		e.memberList = appendText(e.memberList, member)
	}
	e.number(at)
	e.order(order)
	e.body = append(e.body, d[:]...)
}

// listOrNone begins a list that may not be there.
func (e *encoder) listOrNone(none bool, n int) {
	if none {
		e.number(0)
		return
	}
	e.number(n + 1)
}

func (e *encoder) order(o *message.Order) {
	b := binary.AppendVarint(nil, o.EventTime.Unix())
	b = binary.AppendUvarint(b, uint64(o.EventTime.Nanosecond()))
	b = binary.AppendVarint(b, o.SentAt.Unix()-o.EventTime.Unix())
	b = binary.AppendUvarint(b, uint64(o.SentAt.Nanosecond()))
	b = appendText(b, o.Sequence)
	b = appendText(b, o.MessageID)
	at, known := e.orders[string(b)]
	if !known {
		at = len(e.orders)
		e.orders[string(b)] = at
		e.orderList = append(e.orderList, b...)
	}
	e.number(at)
}

func appendText(b []byte, text string) []byte {
	if id, ok := parseUUID(text); ok {
		return append(append(b, 0), id[:]...)
	}
	text = bounded(text)
	b = binary.AppendUvarint(b, uint64(len(text)+1))
	return append(b, text...)
}

// bounded returns text, or what stands for it, in at most maxText bytes.
func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return text[:maxText/2] + hex.EncodeToString(sum[:maxText/4])
}

// parseUUID reads a UUID as SQS writes its message ids: in lower case.
func parseUUID(text string) (id [16]byte, ok bool) {
	if len(text) != 36 {
		return id, false
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return id, false
	}
	return id, formatUUID(id) == text
}

func formatUUID(id [16]byte) string {
	digits := hex.EncodeToString(id[:])
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}
