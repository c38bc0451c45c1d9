package statetest

import (
	"fmt"
	"reflect"
	"strings"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// members are as many as the API has.
const members = 14

// fullest fills a record to all its bounds: every member with a version and
// MaxMarks marks, three of them with MaxParts parts, MaxKeys keys, and every order
// one of its own, of a FIFO queue.
func fullest(b *fixture) thingstate.Record {
	b.Helper()
	n := 0
	order := func() *message.Order {
		n++
		return &message.Order{
			EventTime: epoch.Add(-1e15).Add(123_456_789), SentAt: epoch.Add(999_000_000),
			Sequence: fmt.Sprintf("188706593841326%05d", n), MessageID: fmt.Sprintf("219f8380-5770-4cc2-8c3e-5c71%08x", n),
		}
	}
	name := func(i int) string { return fmt.Sprintf("WiFiSimpleSetupConfiguration%02d", i) }
	for mark := range thingstate.MaxMarks {
		var intents []thingstate.Intent
		for i := range members {
			intents = append(intents, thingstate.Intent{Member: name(i), Digest: digest(byte(mark)), Order: order()})
		}
		b.turn(thingstate.Result{Call: thingstate.OutcomeUnknown}, intents...)
	}
	var applied []thingstate.Version
	for i := range members {
		v := thingstate.Version{Member: name(i), Digest: digest(byte(i)), Order: order()}
		if i < 3 {
			var parts []thingstate.Part
			for key := range thingstate.MaxParts {
				parts = append(parts, thingstate.Part{Key: thingstate.PartKey(key) * 0x9e3779b97f4a7c15, Order: order()})
			}
			v.Parts = thingstate.NewParts(parts)
		}
		applied = append(applied, v)
	}
	b.turn(thingstate.Result{Call: thingstate.Succeeded, Landed: noneLanded, Applied: applied, Keys: manyKeys(thingstate.MaxKeys)})
	return thingstate.Record{Versions: applied}
}

var boundRules = []rule{
	{"a record that is full is kept whole", func(b *fixture) {
		want := fullest(b)
		r := b.record()
		if len(r.Marks) != members*thingstate.MaxMarks || len(r.Keys) != thingstate.MaxKeys || len(r.Versions) != members {
			b.Fatalf("%d marks, %d keys, %d versions", len(r.Marks), len(r.Keys), len(r.Versions))
		}
		for _, v := range want.Versions {
			got, _ := r.Version(v.Member)
			if !reflect.DeepEqual(got.Parts, v.Parts) || *got.Order != *v.Order || got.Digest != v.Digest {
				b.Errorf("%s is not what was applied", v.Member)
			}
		}
	}},
	{"a full record takes crash after crash", func(b *fixture) {
		fullest(b)
		crashes := thingstate.MaxPending + 8
		if b.Blind {
			crashes = thingstate.MaxPending - 1
		}
		for n := range crashes {
			var intents []thingstate.Intent
			for i := range members {
				in := intent(fmt.Sprintf("WiFiSimpleSetupConfiguration%02d", i), 100+n)
				in.Order.MessageID = fmt.Sprintf("219f8380-5770-4cc2-8c3e-5c72%04x%04x", n, i)
				intents = append(intents, in)
			}
			b.acquireFor(thing, b.Tick/5, intents...)
			b.opened.Advance(b.Tick / 4)
		}
		r := b.record()
		if len(r.Marks) != members*thingstate.MaxMarks || len(r.Versions) != members || len(r.Keys) != thingstate.MaxKeys {
			b.Errorf("%d marks, %d versions, %d keys", len(r.Marks), len(r.Versions), len(r.Keys))
		}
		var last byte
		for m := range r.MarksOf("WiFiSimpleSetupConfiguration00") {
			last = m.Digest[15]
		}
		if last != byte(100+crashes-1) {
			b.Errorf("the last crash's mark is of %d", last)
		}
	}},
	{"texts of an order that nobody bounds are kept apart", func(b *fixture) {
		// A letter that was moved back has what its attribute says.
		long := func(end string) thingstate.Version {
			v := version(1)
			v.Order = &message.Order{EventTime: epoch, SentAt: epoch, Sequence: strings.Repeat("7", 300), MessageID: strings.Repeat("m", 300) + end}
			return v
		}
		b.apply([]thingstate.Version{long("a")})
		v, known := b.record().Version("Name")
		if !known || !v.Order.EventTime.Equal(epoch) || len(v.Order.MessageID) > 301 {
			b.Errorf("version: %+v", v)
		}
		b.apply(named(version(2)))
		expectVersion(b, at(2), digest(2))
	}},
	{"a time at the edge is kept", func(b *fixture) {
		for _, when := range []message.Order{
			{MessageID: "zero"},
			{EventTime: epoch.AddDate(7000, 0, 0).Add(999_999_999), SentAt: epoch, MessageID: "year 9026"},
		} {
			b.apply([]thingstate.Version{{Member: when.MessageID, Order: &when, Digest: digest(1)}})
			if v, _ := b.record().Version(when.MessageID); v.Order == nil || v.Order.Compare(when) != 0 {
				b.Errorf("%+v is kept as %+v", when, v.Order)
			}
		}
	}},
}
