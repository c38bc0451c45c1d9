package thingstate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unique"

	"managed-thing-updater/internal/message"
)

var errDamaged = errors.New("its bytes are not what a worker writes")

// decodeRecord reads what encodeRecord wrote. No bytes at all are an empty record,
// of no time. Errors: *newerFormat, and errDamaged.
func decodeRecord(b []byte) (r Record, written time.Time, err error) {
	if len(b) == 0 {
		return Record{}, time.Time{}, nil
	}
	if b[0] > RecordFormat {
		return Record{}, time.Time{}, newerFormat(b[0])
	}
	d := decoder{format: b[0], left: b[1:]}
	if b[0] == 0 {
		return Record{}, time.Time{}, errDamaged
	}
	d.base = d.signed()
	for range d.count(1) {
		d.members = append(d.members, unique.Make(d.text()).Value())
	}
	for range d.count(6) {
		d.orders = append(d.orders, d.newOrder())
	}
	for range d.count(20) {
		r.Versions = append(r.Versions, d.version())
	}
	for range d.count(21) {
		m := Mark{Member: d.member(), Order: d.order(), Digest: d.hash(), Token: d.number(), At: d.at()}
		m.Over = d.bytes(1)[0] == 1
		if d.format > 1 {
			m.PartKeys = d.partKeys()
		}
		r.Marks = append(r.Marks, m)
	}
	for range d.count(17) {
		r.Keys = append(r.Keys, AppliedKey{Hash: d.hash(), At: d.at()})
	}
	if d.damaged || len(d.left) > 0 {
		return Record{}, time.Time{}, errDamaged
	}
	return r, time.UnixMilli(d.base).UTC(), nil
}

// newerFormat is the format of a record that a newer worker wrote.
type newerFormat int

func (f newerFormat) Error() string {
	return fmt.Sprintf("it has format %d, and this worker reads up to %d", int(f), RecordFormat)
}

// decoder reads from left. After the first thing that is not as it should be it is
// damaged, and all that it returns is zero.
type decoder struct {
	format  byte
	base    int64 // milliseconds
	left    []byte
	damaged bool
	members []string
	orders  []*message.Order
}

func (d *decoder) fail() {
	d.damaged, d.left = true, nil
}

// bytes returns the next n.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.left) {
		d.fail()
		return make([]byte, min(n, len(Digest{})))
	}
	b := d.left[:n]
	d.left = d.left[n:]
	return b
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.left)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.left = d.left[size:]
	return n
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.left)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.left = d.left[size:]
	return n
}

// count is the length of a list whose elements have each at least so many bytes:
// what is damaged takes no more memory than what is not.
func (d *decoder) count(elementBytes int) int {
	n := d.number()
	if n > uint64(len(d.left)/elementBytes) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.number()
	switch {
	case n == 0:
		return formatUUID(d.hash())
	case n > maxText+1:
		d.fail()
		return ""
	}
	return string(d.bytes(int(n) - 1))
}

func (d *decoder) hash() [16]byte { return [16]byte(d.bytes(16)) }

func (d *decoder) at() time.Time { return time.UnixMilli(d.base + d.signed()).UTC() }

func (d *decoder) newOrder() *message.Order {
	event := d.signed()
	o := message.Order{EventTime: time.Unix(event, int64(d.number()%1e9)).UTC()}
	o.SentAt = time.Unix(event+d.signed(), int64(d.number()%1e9)).UTC()
	o.Sequence, o.MessageID = d.text(), d.text()
	return &o
}

func (d *decoder) member() string {
	at := d.number()
	if at >= uint64(len(d.members)) {
		d.fail()
		return ""
	}
	return d.members[at]
}

// order is never nil.
func (d *decoder) order() *message.Order {
	at := d.number()
	if at >= uint64(len(d.orders)) {
		d.fail()
		return &message.Order{}
	}
	return d.orders[at]
}

func (d *decoder) version() Version {
	return Version{Member: d.member(), Order: d.order(), Digest: d.hash(), At: d.at(), Parts: d.parts()}
}

func (d *decoder) parts() Parts {
	n, none := d.listOrNone(9)
	if none {
		return nil
	}
	parts := make(Parts, 0, n)
	for range n {
		p := Part{Key: d.partKey(), Order: d.order()}
		if last := len(parts); last > 0 && parts[last-1].Key >= p.Key {
			d.fail()
		}
		parts = append(parts, p)
	}
	return parts
}

func (d *decoder) partKeys() []PartKey {
	n, none := d.listOrNone(8)
	if none {
		return nil
	}
	keys := make([]PartKey, 0, n)
	for range n {
		keys = append(keys, d.partKey())
	}
	return keys
}

func (d *decoder) partKey() PartKey { return PartKey(binary.BigEndian.Uint64(d.bytes(8))) }

// listOrNone is count for a list that may not be there. In format 1 an empty one is
// not.
func (d *decoder) listOrNone(elementBytes int) (n int, none bool) {
	more := d.number()
	if more == 0 {
		return 0, true
	}
	if d.format > 1 {
		more--
	}
	if more > uint64(len(d.left)/elementBytes) {
		d.fail()
		return 0, true
	}
	return int(more), false
}
