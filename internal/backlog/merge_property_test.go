package backlog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// world is one thing, its record, and an API whose merging is known to the test
// only.
type world struct {
	merges bool // the API merges MetaData by key
	name   string
	meta   map[string]string
	record thingstate.Record
	token  uint64
	calls  int
}

func (w *world) apply(members []message.Member) {
	for _, m := range members {
		switch m.Name {
		case "Name":
			w.name = string(m.Value)
		case "MetaData":
			var set map[string]string
			if err := json.Unmarshal(m.Value, &set); err != nil {
				panic(err)
			}
			if !w.merges {
				w.meta = nil
			}
			if w.meta == nil {
				w.meta = map[string]string{}
			}
			maps.Copy(w.meta, set)
		}
	}
}

// ending is what becomes of a call.
type ending int

const (
	succeeds ending = iota
	refusedUnapplied
	lostUnapplied
	lostApplied
)

// turn does what the updater does, and returns what it settled.
func (w *world) turn(m backlog.Merger, items []*backlog.Item, end ending) map[*backlog.Item]message.Outcome {
	w.token++
	before := w.record
	w.record = w.record.Marked(w.token, m.Plan(items, thingstate.Record{}).Intents, time.Now())
	settled := map[*backlog.Item]message.Outcome{}
	note(settled, m.Outcomes(items, before))
	var rest []*backlog.Item
	for _, it := range items {
		if _, ok := settled[it]; !ok {
			rest = append(rest, it)
		}
	}
	plan := m.Plan(rest, before)
	if len(plan.Members) == 0 {
		w.record = w.record.Finished(w.token, thingstate.Result{Call: thingstate.NotSent}, time.Now())
		return settled
	}
	w.calls++
	switch end {
	case refusedUnapplied:
		w.record = w.record.Finished(w.token, thingstate.Result{Call: thingstate.NotSent}, time.Now())
		return settled
	case lostApplied, lostUnapplied:
		if end == lostApplied {
			w.apply(plan.Members)
		}
		w.record = w.record.Finished(w.token, thingstate.Result{Call: thingstate.OutcomeUnknown}, time.Now())
		return settled
	}
	w.apply(plan.Members)
	for _, it := range plan.Carried {
		it.Contributed = true
	}
	result := thingstate.Result{Call: thingstate.Succeeded, Applied: plan.Applied}
	after := w.record.Finished(w.token, result, time.Now())
	note(settled, m.Outcomes(rest, after))
	for it, o := range settled {
		if o == message.Applied {
			result.Keys = append(result.Keys, it.Update.Key)
		}
	}
	w.record = w.record.Finished(w.token, result, time.Now())
	return settled
}

func note(outcomes map[*backlog.Item]message.Outcome, settled []backlog.Settlement) {
	for _, s := range settled {
		outcomes[s.Item] = s.Outcome
	}
}

// update draws an event at n seconds.
func update(t *rapid.T, n int) *backlog.Item {
	var members []message.Member
	if rapid.Bool().Draw(t, "names") {
		members = append(members, message.Member{Name: "Name", Value: fmt.Appendf(nil, `"name %d"`, n)})
	}
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4, rapid.ID).Draw(t, "keys")
	if len(keys) > 0 || len(members) == 0 {
		set := map[string]string{}
		for _, k := range keys {
			set[k] = fmt.Sprintf("%s at %d", k, n)
		}
		if len(set) == 0 {
			set["a"] = fmt.Sprintf("a at %d", n)
		}
		raw, _ := json.Marshal(set)
		members = append(members, message.Member{Name: "MetaData", Value: raw})
	}
	return item("thing", n, members...)
}

func TestWhateverTheOrderAndTheFaultsTheNewestValuesStay(t *testing.T) {
	for _, c := range []struct {
		name      string
		semantics backlog.Semantics
		merges    bool
		late      bool // updates arrive behind newer ones that are applied
	}{
		{"replace", backlog.Replace, false, true},
		{"merge", backlog.Merge, true, true},
		{"unknown, the API replaces", backlog.Unknown, false, true},
		{"unknown, the API merges, nothing late", backlog.Unknown, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := &world{merges: c.merges}
				m := backlog.Merger{Semantics: c.semantics}
				want := &world{merges: c.merges}
				var all []*backlog.Item
				for n := range rapid.IntRange(1, 9).Draw(t, "updates") {
					it := update(t, n)
					all = append(all, it)
					want.apply(it.Update.Members)
				}
				arrival := slices.Clone(all)
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
				if c.late {
					rng.Shuffle(len(arrival), func(i, j int) { arrival[i], arrival[j] = arrival[j], arrival[i] })
				}
				var waiting []*backlog.Item
				outcomes := map[*backlog.Item]message.Outcome{}
				for turns := 0; len(arrival) > 0 || len(waiting) > 0; turns++ {
					n := len(arrival)
					if c.late {
						n = rng.IntN(n + 1)
					}
					waiting = append(waiting, arrival[:n]...)
					arrival = arrival[n:]
					slices.SortFunc(waiting, func(a, b *backlog.Item) int { return a.Update.Order.Compare(b.Update.Order) })
					end := succeeds
					if turns < 30 {
						end = ending(rng.IntN(4))
					}
					settled := w.turn(m, waiting, end)
					maps.Copy(outcomes, settled)
					waiting = slices.DeleteFunc(waiting, func(it *backlog.Item) bool { return settled[it] != "" })
					if turns > 100 {
						t.Fatalf("still waiting after %d turns: %d", turns, len(waiting))
					}
				}
				if w.name != want.name || !maps.Equal(w.meta, want.meta) {
					t.Errorf("the thing has %s %v, want %s %v", w.name, w.meta, want.name, want.meta)
				}
				for _, it := range all {
					if o := outcomes[it]; o != message.Applied && o != message.Superseded && o != message.Unsure {
						t.Errorf("%s ended as %q", it.Update.Order.MessageID, o)
					}
				}
			})
		})
	}
}
