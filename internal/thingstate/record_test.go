package thingstate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/thingstate"
)

// Records share memory with those that were made of them, and never change.
func TestARecordNeverChanges(t *testing.T) {
	member := rapid.SampledFrom([]string{"Name", "Model", "MetaData"})
	members := rapid.SliceOfNDistinct(member, 0, 3, rapid.ID)
	keys := rapid.SliceOfN(rapid.SampledFrom([]string{"k1", "k2", "k3"}), 0, 2)
	calls := rapid.SampledFrom([]thingstate.Call{thingstate.NotSent, thingstate.Succeeded, thingstate.OutcomeUnknown, thingstate.MaybeApplied})
	partKeys := rapid.SliceOfNDistinct(rapid.SampledFrom([]thingstate.PartKey{0, 1, 2}), 0, 3, rapid.ID)
	waits := rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Minute, 2 * time.Hour})
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_790_000_000, 0).UTC()
		records := []thingstate.Record{{}}
		var looks []string
		for i := range rapid.IntRange(1, 20).Draw(t, "steps") {
			// Not always from the last one, as by a write that is repeated.
			from := records[max(0, len(records)-1-rapid.IntRange(0, 4).Draw(t, "back"))]
			n := rapid.IntRange(1, 9).Draw(t, "n")
			wait := waits.Draw(t, "wait")
			now = now.Add(wait)
			live := from.Unexpired(now, now.Add(-wait), time.Hour, time.Hour/2)

			var intents []thingstate.Intent
			for _, name := range members.Draw(t, "intents") {
				intents = append(intents, thingstate.Intent{Member: name, Digest: thingstate.Digest{byte(n)}, Order: orderOf(n), PartKeys: partKeys.Draw(t, "keys of the value")})
			}
			marked := live.Marked(uint64(i+1), intents, now)

			result := thingstate.Result{Call: calls.Draw(t, "call"), Keys: keys.Draw(t, "keys")}
			if rapid.Bool().Draw(t, "landed") {
				result.Landed = now
			}
			for _, name := range members.Draw(t, "applied") {
				var parts []thingstate.Part
				for key := range rapid.IntRange(0, 3).Draw(t, "parts") {
					parts = append(parts, thingstate.Part{Key: thingstate.PartKey(key), Order: orderOf(n)})
				}
				result.Applied = append(result.Applied, thingstate.Version{Member: name, Order: orderOf(n), Parts: thingstate.NewParts(parts)})
			}
			preview, withoutKeys := marked.Preview(uint64(i+1), result), result
			withoutKeys.Keys = nil
			if finished := marked.Finished(uint64(i+1), withoutKeys, time.Time{}); look(preview) != look(finished) {
				t.Fatalf("preview %s\nfinished %s", look(preview), look(finished))
			}
			records = append(records, live, marked, preview, marked.Finished(uint64(i+1), result, now))
			for _, r := range records[len(looks):] {
				looks = append(looks, look(r))
			}
			for i, r := range records {
				if got := look(r); got != looks[i] {
					t.Fatalf("record %d changed\nfrom %s\nto   %s", i, looks[i], got)
				}
			}
		}
	})
}

// look shows all of a record.
func look(r thingstate.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v", r.Keys)
	for _, v := range r.Versions {
		fmt.Fprintf(&b, "\n%s %+v %v %v", v.Member, *v.Order, v.Digest, v.At)
		for _, p := range v.Parts {
			fmt.Fprintf(&b, " %d:%+v", p.Key, *p.Order)
		}
	}
	for _, m := range r.Marks {
		fmt.Fprintf(&b, "\n%s %+v %v %d %v %v %v", m.Member, *m.Order, m.Digest, m.Token, m.At, m.Over, m.PartKeys)
	}
	return b.String()
}
