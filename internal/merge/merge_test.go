package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// item is an update of thing whose event happened, and was sent, n seconds after
// the epoch.
func item(thing string, n int, members ...message.Member) *merge.Waiting {
	at := epoch.Add(time.Duration(n) * time.Second)
	id := fmt.Sprintf("%s-%d", thing, n)
	return &merge.Waiting{Update: &message.Update{
		Thing: thing, Members: members, Key: "sqs:" + id,
		Order: message.Order{EventTime: at, SentAt: at, MessageID: id},
	}}
}

func m(name, value string) message.Member {
	return message.Member{Name: name, Value: []byte(value)}
}

// sent shows a call's members as one would write them.
func sent(p merge.Plan) string {
	var b strings.Builder
	for i, member := range p.Members {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s=%s", member.Name, member.Value)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	meta := func(n int, value string) *merge.Waiting { return item("t", n, m("MetaData", value)) }
	for _, c := range []struct {
		name      string
		semantics merge.Semantics
		items     []*merge.Waiting
		want      string
		carried   int
	}{
		{
			"the newest value of each member goes out", merge.Replace,
			[]*merge.Waiting{item("t", 1, m("Name", `"a"`), m("Brand", `"x"`)), item("t", 2, m("Name", `"b"`))},
			`Name="b" Brand="x"`, 2,
		},
		{
			"replace: the newest map wins whole", merge.Replace,
			[]*merge.Waiting{meta(1, `{"a":"1","b":"1"}`), meta(2, `{"a":"2"}`)},
			`MetaData={"a":"2"}`, 1,
		},
		{
			"merge: the newest value of each key", merge.Merge,
			[]*merge.Waiting{meta(1, `{"a":"1","b":"1"}`), meta(2, `{"a":"2"}`)},
			`MetaData={"a":"2","b":"1"}`, 2,
		},
		{
			"unknown: an older map with other keys goes out first", merge.Unknown,
			[]*merge.Waiting{meta(1, `{"a":"1","b":"1"}`), meta(2, `{"a":"2"}`)},
			`MetaData={"a":"1","b":"1"}`, 1,
		},
		{
			"unknown: an older map whose keys are all set anew is left out", merge.Unknown,
			[]*merge.Waiting{meta(1, `{"a":"1"}`), meta(2, `{"a":"2", "b":"2"}`)},
			`MetaData={"a":"2", "b":"2"}`, 1,
		},
		{
			"unknown: one newer map covers several older ones", merge.Unknown,
			[]*merge.Waiting{meta(1, `{"a":"1","b":"1"}`), meta(2, `{"a":"2"}`), meta(3, `{"a":"3","b":"3","c":"3"}`)},
			`MetaData={"a":"3","b":"3","c":"3"}`, 1,
		},
		{
			"merge: by CapabilityId", merge.Merge,
			[]*merge.Waiting{
				item("t", 1, m("CapabilitySchemas", `[{"CapabilityId":"x@1.0","n":1},{"CapabilityId":"y@1.0","n":1}]`)),
				item("t", 2, m("CapabilitySchemas", `[{"CapabilityId":"y@1.0","n":2.0}]`)),
			},
			`CapabilitySchemas=[{"CapabilityId":"x@1.0","n":1},{"CapabilityId":"y@1.0","n":2.0}]`, 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := merge.Merger{Semantics: c.semantics}.Plan(c.items, thingstate.Record{})
			if got := sent(p); got != c.want {
				t.Errorf("sent %s, want %s", got, c.want)
			}
			if len(p.Carried) != c.carried {
				t.Errorf("carried %d updates, want %d", len(p.Carried), c.carried)
			}
		})
	}
}

func TestAnUpdateTakenApartGoesAlone(t *testing.T) {
	items := []*merge.Waiting{item("t", 1, m("Name", `"a"`)), item("t", 2, m("Name", `"b"`)), item("t", 3, m("Brand", `"c"`))}
	items[0].Apart, items[1].Apart = true, true
	if got := sent(merge.Merger{}.Plan(items, thingstate.Record{})); got != `Name="a"` {
		t.Errorf("sent %s", got)
	}
}

func TestMergedKeysStayWithinWhatTheAPITakes(t *testing.T) {
	var items []*merge.Waiting
	for n := range 4 {
		var keys []string
		for k := range 20 {
			keys = append(keys, fmt.Sprintf(`"k%d-%d":"v"`, n, k))
		}
		items = append(items, item("t", n, m("MetaData", "{"+strings.Join(keys, ",")+"}")))
	}
	p := merge.Merger{Semantics: merge.Merge}.Plan(items, thingstate.Record{})
	parts, _ := message.Parts("MetaData", p.Members[0].Value)
	if len(parts) != 40 || len(p.Carried) != 2 {
		t.Errorf("%d keys of %d updates in one call, want 40 of 2", len(parts), len(p.Carried))
	}
}

func TestAMergedBodyStaysUnderOneMiB(t *testing.T) {
	big := `"` + strings.Repeat("x", 600<<10) + `"`
	items := []*merge.Waiting{item("t", 1, m("Capabilities", big)), item("t", 2, m("CapabilityReport", big)), item("t", 3, m("Name", `"n"`))}
	p := merge.Merger{}.Plan(items, thingstate.Record{})
	size := 2
	for _, member := range p.Members {
		size += len(member.Name) + len(member.Value) + 4
	}
	if size > message.MaxRequestBytes || len(p.Members) != 2 || p.Members[0].Name != "Capabilities" {
		t.Errorf("%d members of %d bytes, first %s", len(p.Members), size, p.Members[0].Name)
	}
}

func TestALateOlderMapIsCountedByWhetherItsKeysAreCovered(t *testing.T) {
	merger := merge.Merger{Semantics: merge.Unknown}
	newer := item("t", 5, m("MetaData", `{"a":"5"}`))
	record := thingstate.Record{}.Finished(1, thingstate.Result{
		Call: thingstate.Succeeded, Applied: merger.Plan([]*merge.Waiting{newer}, thingstate.Record{}).Applied,
	}, time.Now())
	covered, other := item("t", 1, m("MetaData", `{"a":"1"}`)), item("t", 2, m("MetaData", `{"b":"2"}`))
	got := merger.Outcomes([]*merge.Waiting{covered, other}, record)
	if want := []merge.Settlement{{covered, message.Superseded, 4 * time.Second}, {other, message.Unsure, 3 * time.Second}}; !slices.Equal(got, want) {
		t.Errorf("covered, and other keys: %v", got)
	}
}

func TestASupersededUpdateLostToTheNewestOfItsKeys(t *testing.T) {
	merger := merge.Merger{Semantics: merge.Merge}
	record := thingstate.Record{}
	for _, newer := range []*merge.Waiting{item("t", 5, m("MetaData", `{"a":"5"}`)), item("t", 9, m("MetaData", `{"b":"9"}`))} {
		record = record.Finished(1, thingstate.Result{
			Call: thingstate.Succeeded, Applied: merger.Plan([]*merge.Waiting{newer}, record).Applied,
		}, time.Now())
	}
	got := merger.Outcomes([]*merge.Waiting{item("t", 2, m("MetaData", `{"a":"2","b":"2"}`))}, record)
	if len(got) != 1 || got[0].Outcome != message.Superseded || got[0].LostBy != 7*time.Second {
		t.Errorf("%+v, want one superseded by 7s", got)
	}
}

func TestALaterUpdateWithTheSameKeyIsADuplicateOfTheFirst(t *testing.T) {
	on, off, again := item("t", 1, m("Name", `"on"`)), item("t", 2, m("Name", `"off"`)), item("t", 3, m("Name", `"on"`))
	again.Update.Key = on.Update.Key
	items := []*merge.Waiting{on, off, again}
	p := merge.Merger{}.Plan(items, thingstate.Record{})
	if sent(p) != `Name="off"` {
		t.Fatalf("sent %s", sent(p))
	}
	off.Contributed = true
	got := merge.Merger{}.Outcomes(items, thingstate.Record{}.Finished(1, thingstate.Result{Call: thingstate.Succeeded, Applied: p.Applied}, time.Now()))
	if want := []merge.Settlement{{on, message.Superseded, time.Second}, {off, message.Applied, 0}, {again, message.Duplicate, 0}}; !slices.Equal(got, want) {
		t.Errorf("on, off, and on again: %v", got)
	}
}

// A call of unknown outcome set two keys. One of them was sent again after it had landed,
// by a value that replaces the whole member.
func TestAValueThatWasSentAfterTheDoubtIsUnchanged(t *testing.T) {
	now := time.Now()
	for _, semantics := range []merge.Semantics{merge.Replace, merge.Unknown, merge.Merge} {
		merger := merge.Merger{Semantics: semantics, Landing: time.Second}
		plan := func(n int, value string) merge.Plan {
			return merger.Plan([]*merge.Waiting{item("t", n, m("MetaData", value))}, thingstate.Record{})
		}
		sent := plan(2, `{"x":"b"}`).SentAt(now.Add(time.Minute))
		result := thingstate.Result{Call: thingstate.Succeeded, Applied: sent.Applied, Landed: now.Add(time.Minute)}
		record := thingstate.Record{}.Marked(1, plan(1, `{"x":"a","y":"a"}`).Intents, now).Finished(2, result, now.Add(time.Minute))
		if !merger.Unchanged(plan(3, `{"x":"b"}`), record, now.Add(2*time.Minute), time.Hour) {
			t.Errorf("%s: the same value is not unchanged", semantics)
		}
	}
}

func TestUnchangedOnlyOnTheWordOfARecentCertainCall(t *testing.T) {
	merger := merge.Merger{Landing: time.Second}
	now := time.Now()
	plan := merger.Plan([]*merge.Waiting{item("t", 1, m("Name", `"a"`))}, thingstate.Record{})
	record := thingstate.Record{}.Finished(1, thingstate.Result{Call: thingstate.Succeeded, Applied: plan.Applied}, now)
	next := merger.Plan([]*merge.Waiting{item("t", 2, m("Name", `"a"`))}, record)
	if !merger.Unchanged(next, record, now.Add(time.Minute), time.Hour) {
		t.Error("the same value within the time is not unchanged")
	}
	if merger.Unchanged(next, record, now.Add(time.Hour), time.Hour) || merger.Unchanged(next, record, now, 0) {
		t.Error("unchanged after the time, or while switched off")
	}
	doubted := record.Marked(2, []thingstate.Intent{{Member: "Name", Order: new(message.Order)}}, now)
	if merger.Unchanged(next, doubted, now.Add(time.Minute), time.Hour) {
		t.Error("unchanged on the word of a call of unknown outcome")
	}
}

// The API may merge or replace. An update is the newest of its own keys, a newer one of
// other keys was applied, and a call of unknown outcome may have set the first one's keys
// since: it cannot be sent again safely, and is not told as applied.
func TestUnknownAnUpdateWhoseKeysMayBeOverwrittenIsNotCountedAsApplied(t *testing.T) {
	merger := merge.Merger{Semantics: merge.Unknown, Landing: time.Minute}
	now := time.Now()
	old, mid, newest := item("t", 1, m("MetaData", `{"x":"old"}`)), item("t", 2, m("MetaData", `{"x":"mid"}`)), item("t", 3, m("MetaData", `{"z":"new"}`))
	plan := func(it *merge.Waiting) merge.Plan { return merger.Plan([]*merge.Waiting{it}, thingstate.Record{}) }
	succeeded := func(p merge.Plan) thingstate.Result {
		return thingstate.Result{Call: thingstate.Succeeded, Applied: p.SentAt(now).Applied}
	}
	record := thingstate.Record{}.Marked(1, plan(old).Intents, now).
		Finished(2, succeeded(plan(mid)), now).
		Finished(3, succeeded(plan(newest)), now)
	mid.Contributed = true
	got := merger.Outcomes([]*merge.Waiting{mid}, record)
	if len(got) != 1 || got[0].Outcome != message.Unsure {
		t.Errorf("%+v, want one that is superseded_unsure", got)
	}
}
