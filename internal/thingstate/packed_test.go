package thingstate

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/message"
)

// A packed record goes through any history as the record itself does.
func TestPackedRecordIsTheRecord(t *testing.T) {
	member := rapid.SampledFrom([]string{"Name", "Model", "MetaData"})
	keys := rapid.SliceOfN(rapid.SampledFrom([]string{"k1", "k2", "k3"}), 0, 2)
	order := func(n int) message.Order { return message.Order{EventTime: time.Unix(int64(n), 0).UTC()} }
	rapid.Check(t, func(t *rapid.T) {
		var r Record
		var p packedRecord
		now := time.Unix(1_790_000_000, 0).UTC()
		for i := range rapid.IntRange(1, 20).Draw(t, "steps") {
			written := now
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Minute, 2 * time.Hour}).Draw(t, "wait"))
			r, p = r.Live(now, written, time.Hour, time.Hour/2), p.live(now, written, time.Hour, time.Hour/2)

			var intents []Intent
			for _, name := range rapid.SliceOfN(member, 0, 3).Draw(t, "intents") {
				n := rapid.IntRange(1, 9).Draw(t, "n")
				intents = append(intents, Intent{Member: name, Digest: Digest{byte(n)}, Order: order(n)})
			}
			token := uint64(i + 1)
			r, p = r.Marked(token, intents, now), p.marked(token, intents, now)

			res := Result{
				Call:      rapid.SampledFrom([]Call{NotSent, Succeeded, OutcomeUnknown}).Draw(t, "call"),
				KeepMarks: rapid.Bool().Draw(t, "keep"), Keys: keys.Draw(t, "keys"), Applied: map[string]Version{},
			}
			for _, name := range rapid.SliceOfN(member, 0, 3).Draw(t, "applied") {
				n := rapid.IntRange(1, 9).Draw(t, "n")
				v := Version{Order: order(n), Digest: Digest{byte(n)}}
				for k := range rapid.IntRange(0, 3).Draw(t, "parts") {
					if v.Parts == nil {
						v.Parts = map[PartKey]message.Order{}
					}
					v.Parts[PartKey(k)] = order(n)
				}
				res.Applied[name] = v
			}
			before := fmt.Sprintf("%+v", p.unpack())
			handedOut := p.unpack()
			r, p = r.Finished(token, res, now), p.finished(token, res, now)
			if got := fmt.Sprintf("%+v", handedOut); got != before {
				t.Fatalf("a record that was handed out changed\nfrom %s\nto   %s", before, got)
			}
			if got, want := fmt.Sprintf("%+v", p.unpack()), fmt.Sprintf("%+v", r); got != want {
				t.Fatalf("packed\n%s\nrecord\n%s", got, want)
			}
		}
	})
}
