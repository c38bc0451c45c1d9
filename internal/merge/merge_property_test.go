package merge_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// The times of the model's worker: a call starts at most startsWithin after it was
// marked, and lands at most landsWithin after its start.
const (
	startsWithin = 10 * time.Second
	landsWithin  = 20 * time.Second
)

// model is one thing, its record, and an API whose merging is known to the test only.
type model struct {
	rand    *rand.Rand
	now     time.Time
	merges  bool // the API merges MetaData by key
	name    string
	meta    map[string]string
	landing []landing
	record  thingstate.Record
	token   uint64
}

// landing is a call that is still under way somewhere.
type landing struct {
	at      time.Time
	members []message.Member
}

func (w *model) set(members []message.Member) {
	for _, m := range members {
		switch m.Name {
		case "Name":
			w.name = string(m.Value)
		case "MetaData":
			var set map[string]string
			if err := json.Unmarshal(m.Value, &set); err != nil {
				panic(err)
			}
			if !w.merges || w.meta == nil {
				w.meta = map[string]string{}
			}
			maps.Copy(w.meta, set)
		}
	}
}

// pass lets time pass, and what lands meanwhile land.
func (w *model) pass(d time.Duration) {
	w.now = w.now.Add(max(0, d))
	slices.SortStableFunc(w.landing, func(a, b landing) int { return a.at.Compare(b.at) })
	for len(w.landing) > 0 && !w.landing[0].at.After(w.now) {
		w.set(w.landing[0].members)
		w.landing = w.landing[1:]
	}
}

// some is a random time up to d.
func (w *model) some(d time.Duration) time.Duration { return time.Duration(w.rand.Int64N(int64(d))) }

// ending is what becomes of a call.
type ending int

const (
	succeeds ending = iota
	fails           // nothing was applied
	over            // it may have been applied, and will not be any more
	lost            // it is applied now, later, or never
	crashes         // as lost, and the worker with it
	endings
)

// turn does what the updater does, and returns what it settled and when the thing may
// have its next turn.
func (w *model) turn(t *rapid.T, m merge.Merger, items []*merge.Waiting, end ending) (settled map[*merge.Waiting]message.Outcome, next time.Time) {
	w.token++
	settled = map[*merge.Waiting]message.Outcome{}
	before, rest := w.record, items
	var plan merge.Plan
	for known := (thingstate.Record{}); ; known = before {
		marked := m.Plan(rest, known)
		consistent(t, marked)
		w.record = before.Marked(w.token, marked.Intents, w.now)
		note(settled, m.Outcomes(items, before))
		rest = slices.DeleteFunc(slices.Clone(items), func(it *merge.Waiting) bool { return settled[it] != "" })
		plan = m.Plan(rest, before)
		if consistent(t, plan); plan.MarkedBy(marked.Intents) {
			break
		}
		w.record = w.record.Finished(w.token, thingstate.Result{Call: thingstate.NotSent}, w.now)
	}
	finish := func(r thingstate.Result) { w.record = w.record.Finished(w.token, r, w.now) }
	if len(plan.Members) == 0 {
		finish(thingstate.Result{Call: thingstate.NotSent})
		return settled, w.now
	}
	w.pass(w.some(startsWithin))
	plan = plan.SentAt(w.now)
	start := w.now
	switch end {
	case fails:
		finish(thingstate.Result{Call: thingstate.NotSent})
		if len(plan.Carried) > 1 { // they are taken apart
			for _, it := range items {
				it.Apart = true
			}
		}
		return settled, w.now
	case over:
		if w.rand.IntN(2) == 0 {
			w.set(plan.Members)
		}
		finish(thingstate.Result{Call: thingstate.MaybeApplied, Sent: plan.Intents})
		return settled, w.now
	case lost, crashes:
		switch w.rand.IntN(3) {
		case 0:
			w.set(plan.Members)
		case 1:
			w.landing = append(w.landing, landing{start.Add(w.some(landsWithin)), plan.Members})
		}
		w.pass(w.some(landsWithin / 2))
		if end == lost {
			finish(thingstate.Result{Call: thingstate.OutcomeUnknown, Sent: plan.Intents})
			return settled, w.now
		}
		for _, it := range items { // its messages come again
			it.Apart, it.Contributed = false, false
		}
		return settled, w.now
	}
	w.set(plan.Members)
	for _, it := range plan.Carried {
		it.Contributed = true
	}
	w.pass(w.some(landsWithin / 2)) // the answer takes its time
	result := thingstate.Result{Call: thingstate.Succeeded, Applied: plan.Applied, Landed: start.Add(-m.Landing)}
	preview := w.record.Preview(w.token, result)
	note(settled, m.Outcomes(rest, preview))
	for it, o := range settled {
		if o == message.Applied {
			result.Keys = append(result.Keys, it.Update.Key)
		}
	}
	finish(result)
	return settled, m.ResendAt(plan, preview, start).Add(time.Millisecond)
}

// consistent checks that what a plan marks is what it sends and what it records, and
// that each value belongs to an update.
func consistent(t *rapid.T, p merge.Plan) {
	if len(p.Members) != len(p.Intents) || len(p.Members) != len(p.Applied) || len(p.Members) > 0 && len(p.Carried) == 0 {
		t.Fatalf("a plan of %d members, %d marks, %d versions, for %d updates", len(p.Members), len(p.Intents), len(p.Applied), len(p.Carried))
	}
	for i, sent := range p.Members {
		in, v := p.Intents[i], p.Applied[i]
		sum := sha256.Sum256(sent.Value)
		if digest := thingstate.Digest(sum[:16]); in.Member != sent.Name || v.Member != sent.Name || in.Digest != digest || v.Digest != digest || in.Order.Compare(*v.Order) != 0 {
			t.Fatalf("%s %s is marked as %+v and recorded as %+v", sent.Name, sent.Value, in, v)
		}
		parts, keyed := message.Parts(sent.Name, sent.Value)
		if keyed != (in.PartKeys != nil) || len(parts) != len(in.PartKeys) || !slices.Equal(in.PartKeys, v.Parts.Keys()) {
			t.Fatalf("%s %s is marked with the keys %v and recorded with %v", sent.Name, sent.Value, in.PartKeys, v.Parts)
		}
	}
}

func note(outcomes map[*merge.Waiting]message.Outcome, settled []merge.Settlement) {
	for _, s := range settled {
		outcomes[s.Of] = s.Outcome
	}
}

// update draws an event at n seconds.
func update(t *rapid.T, n int) *merge.Waiting {
	var members []message.Member
	if rapid.Bool().Draw(t, "names") {
		members = append(members, message.Member{Name: "Name", Value: fmt.Appendf(nil, `"name %d"`, n)})
	}
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4, rapid.ID).Draw(t, "keys")
	if len(keys) > 0 || len(members) == 0 || rapid.Bool().Draw(t, "an empty map") {
		set := map[string]string{}
		for _, k := range keys {
			set[k] = fmt.Sprintf("%s at %d", k, n)
		}
		raw, _ := json.Marshal(set)
		members = append(members, message.Member{Name: "MetaData", Value: raw})
	}
	return item("thing", n, members...)
}

func TestWhateverTheOrderAndTheFaultsTheNewestValuesStay(t *testing.T) {
	for _, c := range []struct {
		name      string
		semantics []merge.Semantics // of the workers that take turns
		merges    bool
		late      bool // updates arrive behind newer ones that are applied
	}{
		{"replace", []merge.Semantics{merge.Replace}, false, true},
		{"merge", []merge.Semantics{merge.Merge}, true, true},
		{"unknown, the API replaces", []merge.Semantics{merge.Unknown}, false, true},
		{"unknown, the API merges, nothing late", []merge.Semantics{merge.Unknown}, true, false},
		{"replace and unknown, the API replaces", []merge.Semantics{merge.Replace, merge.Unknown}, false, true},
		{"merge and unknown, the API merges, nothing late", []merge.Semantics{merge.Merge, merge.Unknown}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
				w := &model{rand: rng, now: time.Unix(1_790_000_000, 0), merges: c.merges}
				want := &model{merges: c.merges}
				var all []*merge.Waiting
				for n := range rapid.IntRange(1, 9).Draw(t, "updates") {
					it := update(t, n)
					all = append(all, it)
					want.set(it.Update.Members)
				}
				arrival := slices.Clone(all)
				if c.late {
					rng.Shuffle(len(arrival), func(i, j int) { arrival[i], arrival[j] = arrival[j], arrival[i] })
				}
				var waiting []*merge.Waiting
				outcomes := map[*merge.Waiting]message.Outcome{}
				for turns := 0; len(arrival) > 0 || len(waiting) > 0; turns++ {
					n := len(arrival)
					if c.late {
						n = rng.IntN(n + 1)
					}
					waiting = append(waiting, arrival[:n]...)
					arrival = arrival[n:]
					slices.SortFunc(waiting, func(a, b *merge.Waiting) int { return a.Update.Order.Compare(b.Update.Order) })
					end := succeeds
					if turns < 30 {
						end = ending(rng.IntN(int(endings)))
					}
					m := merge.Merger{Semantics: c.semantics[rng.IntN(len(c.semantics))], Landing: startsWithin + landsWithin}
					settled, next := w.turn(t, m, waiting, end)
					w.pass(next.Sub(w.now))
					w.pass(w.some(5 * time.Second))
					maps.Copy(outcomes, settled)
					waiting = slices.DeleteFunc(waiting, func(it *merge.Waiting) bool { return settled[it] != "" })
					if turns > 100 {
						t.Fatalf("still waiting after %d turns: %d", turns, len(waiting))
					}
				}
				w.pass(time.Minute)
				unsure := slices.Contains(slices.Collect(maps.Values(outcomes)), message.Unsure)
				if w.name != want.name || !maps.Equal(w.meta, want.meta) && !(unsure && c.merges) {
					t.Errorf("the thing has %s %v, want %s %v", w.name, w.meta, want.name, want.meta)
				}
				for _, it := range all {
					if o := outcomes[it]; o != message.Applied && o != message.Superseded && o != message.Unsure && o != message.Duplicate {
						t.Errorf("%s ended as %q", it.Update.Order.MessageID, o)
					}
				}
			})
		})
	}
}
