package thingstate

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/message"
)

var anyTime = rapid.Custom(func(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
})

var anyOrder = rapid.Custom(func(t *rapid.T) *message.Order {
	return &message.Order{
		EventTime: anyTime.Draw(t, "event"), SentAt: anyTime.Draw(t, "sent"),
		Sequence:  rapid.StringMatching(`[0-9]{0,20}`).Draw(t, "sequence"),
		MessageID: rapid.OneOf(rapid.StringN(0, maxText, maxText), rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)).Draw(t, "id"),
	}
})

var anyRecord = rapid.Custom(func(t *rapid.T) Record {
	orders := rapid.SliceOfN(anyOrder, 1, 5).Draw(t, "orders")
	order := func() *message.Order { return rapid.SampledFrom(orders).Draw(t, "order") }
	at := func() time.Time { return anyTime.Draw(t, "at").Truncate(time.Millisecond) }
	member := rapid.SampledFrom([]string{"Name", "Model", "MetaData", ""})
	hash := func() (h [16]byte) {
		copy(h[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "hash"))
		return h
	}
	var r Record
	for _, name := range rapid.SliceOfNDistinct(member, 0, 4, rapid.ID).Draw(t, "versions") {
		v := Version{Member: name, Order: order(), Digest: hash(), At: at()}
		for _, key := range rapid.SliceOfNDistinct(rapid.Uint64(), 0, 3, rapid.ID).Draw(t, "parts") {
			v.Parts = append(v.Parts, Part{PartKey(key), order()})
		}
		if v.Parts != nil {
			v.Parts = NewParts(v.Parts)
		}
		r.Versions = append(r.Versions, v)
	}
	for range rapid.IntRange(0, 4).Draw(t, "marks") {
		r.Marks = append(r.Marks, Mark{
			Member: member.Draw(t, "member"), Order: order(), Digest: hash(),
			Token: rapid.Uint64().Draw(t, "token"), At: at(), Over: rapid.Bool().Draw(t, "over"),
		})
	}
	for range rapid.IntRange(0, 4).Draw(t, "keys") {
		r.Keys = append(r.Keys, AppliedKey{Hash: hash(), At: at()})
	}
	return r
})

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, written := anyRecord.Draw(t, "record"), anyTime.Draw(t, "written").Truncate(time.Millisecond)
		got, when, err := decodeRecord(encodeRecord(want, written))
		if err != nil || !when.Equal(written) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n%+v at %v, want\n%+v at %v", err, got, when, want, written)
		}
	})
}

// A shared order is written once: what one message set costs little for each member.
func TestATypicalRecordIsSmall(t *testing.T) {
	now := time.Now()
	order := &message.Order{EventTime: now, SentAt: now.Truncate(time.Millisecond), MessageID: "219f8380-5770-4cc2-8c3e-5c715e145f5e"}
	var r Record
	for _, member := range []string{"Name", "Model", "MetaData", "HubNetworkMode"} {
		r.Versions = append(r.Versions, Version{Member: member, Order: order, At: now})
	}
	for i := range 10 {
		r.Keys = append(r.Keys, AppliedKey{Hash: HashKey(fmt.Sprint(i)), At: now.Add(-time.Duration(i) * time.Hour)})
	}
	if n := len(encodeRecord(r, now)); n > 400 {
		t.Errorf("%d bytes", n)
	}
}

// An item with every bound reached, and every text as long as it can be, fits into
// one of DynamoDB, of 400 KB at most.
func TestTheFullestItemFits(t *testing.T) {
	const dynamoDBItem = 400_000
	n := 0
	order := func() *message.Order {
		n++
		long := fmt.Sprintf("%0300d", n)
		return &message.Order{EventTime: time.Unix(253_402_300_799, 999_999_999), SentAt: time.Unix(0, 999_999_999), Sequence: long, MessageID: "m" + long}
	}
	var r Record
	var intents []Intent
	for member := range 14 {
		name := fmt.Sprintf("WiFiSimpleSetupConfiguration%02d", member)
		v := Version{Member: name, Order: order()}
		if member < 3 {
			for key := range MaxParts {
				v.Parts = append(v.Parts, Part{PartKey(key), order()})
			}
		}
		r.Versions = append(r.Versions, v)
		for range MaxMarks {
			r.Marks = append(r.Marks, Mark{Member: name, Order: order(), Token: 1 << 42, PartKeys: keysOfCall(member)})
		}
		intents = append(intents, Intent{Member: name, Order: order(), PartKeys: keysOfCall(member)})
	}
	for range MaxKeys {
		r.Keys = append(r.Keys, AppliedKey{})
	}
	record, pending := len(encodeRecord(r, time.Now())), MaxPending*len(encodeMarks(Holder{}, intents))
	t.Logf("record %d bytes, pending %d", record, pending)
	if record > 160_000 || record+pending > dynamoDBItem*3/4 {
		t.Errorf("record %d bytes, pending %d", record, pending)
	}
}

// keysOfCall are as many as one call may carry, of the members that have keys.
func keysOfCall(member int) []PartKey {
	if member >= 3 {
		return nil
	}
	keys := make([]PartKey, 50)
	for i := range keys {
		keys[i] = PartKey(i) * 0x9e3779b97f4a7c15
	}
	return keys
}

// What a newer worker wrote is neither read as something else nor taken for damaged.
func TestANewerFormatIsNamed(t *testing.T) {
	b := encodeRecord(Record{}, time.Now())
	b[0] = RecordFormat + 1
	if _, _, err := decodeRecord(b); err != newerFormat(RecordFormat+1) {
		t.Errorf("%v", err)
	}
}

// Bytes that were written once are read by every build, and the same record is written as
// the same bytes for as long as its format has this number.
func TestTheBytesOfARecordStayAsTheyAre(t *testing.T) {
	written := time.UnixMilli(1_790_000_000_123).UTC()
	order := &message.Order{
		EventTime: time.Unix(1_789_999_000, 5).UTC(), SentAt: time.UnixMilli(1_789_999_900_000).UTC(),
		Sequence: "18870659384132600832", MessageID: "219f8380-5770-4cc2-8c3e-5c715e145f5e",
	}
	other := &message.Order{EventTime: order.SentAt, SentAt: order.SentAt, MessageID: "m"}
	record := func(partKeys []PartKey) Record {
		return Record{
			Versions: []Version{{Member: "Name", Order: order, Digest: Digest{1}, At: written.Add(-time.Second), Parts: Parts{{Key: 7, Order: other}}}},
			Marks:    []Mark{{Member: "Model", Order: other, Digest: Digest{2}, Token: 99, At: written, Over: true, PartKeys: partKeys}},
			Keys:     []AppliedKey{{Hash: KeyHash{3}, At: written.Add(-time.Hour)}},
		}
	}
	const (
		format1 = "01f6b183c5986802054e616d65064d6f64656c02b0de89ab0d05880e0015313838373036353933383431333236303038333200219f838057704cc28c3e5c715e145f5eb8ec89ab0d00000001026d01000001000000000000000000000000000000cf0f01000000000000000701010101020000000000000000000000000000006300010103000000000000000000000000000000ffb9b703"
		format2 = "02f6b183c5986802054e616d65064d6f64656c02b0de89ab0d05880e0015313838373036353933383431333236303038333200219f838057704cc28c3e5c715e145f5eb8ec89ab0d00000001026d01000001000000000000000000000000000000cf0f020000000000000007010101010200000000000000000000000000000063000103000000000000000800000000000000090103000000000000000000000000000000ffb9b703"
	)
	for _, c := range []struct {
		bytes string
		want  Record
	}{{format1, record(nil)}, {format2, record([]PartKey{8, 9})}} {
		b, _ := hex.DecodeString(c.bytes)
		if got, when, err := decodeRecord(b); err != nil || !when.Equal(written) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s is read as %+v (%v)", c.bytes, got, err)
		}
	}
	if got := hex.EncodeToString(encodeRecord(record([]PartKey{8, 9}), written)); got != format2 {
		t.Errorf("it is written as\n%s, want\n%s", got, format2)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeRecord(Record{Keys: []AppliedKey{{}}}, time.Now()))
	f.Add(encodeMarks(Holder{}, []Intent{{Member: "Name", Order: &message.Order{MessageID: "m"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = decodeMarks(b)
		r, written, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, _, err := decodeRecord(encodeRecord(r, written))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("read as %+v, and then as %+v (%v)", r, again, err)
		}
	})
}
