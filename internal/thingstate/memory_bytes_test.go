package thingstate_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// Things of which nothing is known, as those that the API refuses, take no place.
func TestAFloodOfUnknownThingsEmptiesNothing(t *testing.T) {
	m := thingstate.NewMemory(onlyMiB)
	for i := range 1000 {
		apply(t, m, fmt.Sprint("known", i))
	}
	for i := range 10_000 {
		order := &message.Order{EventTime: time.Now(), MessageID: "m"}
		_, l, err := m.Acquire(t.Context(), fmt.Sprint("unknown", i), time.Minute, []thingstate.Intent{{Member: "Name", Order: order}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Finish(t.Context(), l, thingstate.Result{Call: thingstate.NotSent}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		if !remembered(t, m, fmt.Sprint("known", i)) {
			t.Fatalf("thing %d of 1,000 is forgotten for things of which nothing is known; %d are kept", i, m.Stats().Things)
		}
	}
	if m.Stats().Things != 1000 {
		t.Errorf("%d things are kept, want the 1,000 of which something is known", m.Stats().Things)
	}
}

// Whatever is known of a thing counts: a hot one has hundreds of keys.
func TestHotThingsTakeNoMoreMemoryThanIsAllowed(t *testing.T) {
	const most = 4 << 20
	before := heapAlive()
	m := thingstate.NewMemory(thingstate.MemoryOptions{Bytes: most})
	for i := range 800 {
		order := &message.Order{EventTime: time.Now(), MessageID: fmt.Sprintf("219f8380-5770-4cc2-8c3e-%012d", i)}
		keys := make([]string, thingstate.MaxKeys)
		for k := range keys {
			keys[k] = fmt.Sprint("sqs:", i, k)
		}
		_, l, err := m.Acquire(t.Context(), fmt.Sprintf("thing-%012d", i), time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		result := thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{{Member: "Name", Order: order}}, Keys: keys}
		if err := m.Finish(t.Context(), l, result); err != nil {
			t.Fatal(err)
		}
	}
	if took := heapAlive() - before; took > most*5/4 {
		t.Errorf("%d MiB are alive for %d things, want at most %d", took>>20, m.Stats().Things, most>>20)
	}
	runtime.KeepAlive(m)
}

func heapAlive() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// What is counted is what the heap takes, whatever is known of the things. Each row says
// what one call makes known; the things are called for so many times in turn.
func TestMemoryCountsWhatTheHeapTakes(t *testing.T) {
	for _, c := range []struct {
		name                        string
		things, calls               int
		members, parts, keys, marks int // of a call
	}{
		{name: "one member", things: 2000, calls: 1, members: 1, keys: 1},
		{name: "four members of one update", things: 2000, calls: 1, members: 4, keys: 1},
		{name: "four members of four updates, ten keys", things: 500, calls: 10, members: 1, keys: 1},
		{name: "a hot thing", things: 50, calls: 30, members: 1, keys: 10},
		{name: "MetaData with 20 keys of one update", things: 1000, calls: 1, members: 1, parts: 20, keys: 1},
		{name: "MetaData with 250 keys of 50 updates", things: 30, calls: 50, members: 1, parts: 5, keys: 1},
		{name: "calls of unknown outcome", things: 500, calls: 3, marks: 4},
	} {
		for _, fifo := range []bool{false, true} {
			before := heapAlive()
			m := thingstate.NewMemory(thingstate.MemoryOptions{})
			for call := range c.calls {
				for thing := range c.things {
					order := someOrder(call*c.things+thing, fifo)
					var r thingstate.Result
					for i := range c.members {
						var parts []thingstate.Part
						for p := range c.parts {
							parts = append(parts, thingstate.Part{Key: thingstate.PartKey(call*c.parts + p), Order: order})
						}
						member := []string{"Name", "Model", "MetaData", "HubNetworkMode"}[(call+i)%4]
						if c.parts > 0 {
							member = "MetaData"
						}
						r.Applied = append(r.Applied, thingstate.Version{Member: member, Order: order, Parts: thingstate.NewParts(parts)})
					}
					for k := range c.keys {
						r.Keys = append(r.Keys, fmt.Sprint(call, thing, k))
					}
					var intents []thingstate.Intent
					for i := range c.marks {
						intents = append(intents, thingstate.Intent{Member: []string{"Name", "Model", "MetaData", "HubNetworkMode"}[i], Order: order})
					}
					r.Call = thingstate.Succeeded
					if c.marks > 0 {
						r.Call = thingstate.OutcomeUnknown
					}
					_, l, err := m.Acquire(t.Context(), fmt.Sprintf("thing-%012d", thing), time.Minute, intents)
					if err == nil {
						err = m.Finish(t.Context(), l, r)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			took, s := heapAlive()-before, m.Stats()
			runtime.KeepAlive(m)
			t.Logf("%s, FIFO %v: %d bytes a thing, counted as %d", c.name, fifo, took/int64(c.things), s.Bytes/int64(c.things))
			if s.Things != c.things || s.Bytes < took*3/4 || s.Bytes > took*5/4 {
				t.Errorf("%s, FIFO %v: %+v, and the heap took %d: that is more than a quarter off", c.name, fifo, s, took)
			}
		}
	}
}

// someOrder is an order as a message's, which shares its memory with nothing.
func someOrder(n int, fifo bool) *message.Order {
	o := &message.Order{EventTime: time.Now(), SentAt: time.Now(), MessageID: fmt.Sprintf("219f8380-5770-4cc2-8c3e-%012d", n)}
	if fifo {
		o.Sequence = fmt.Sprintf("188706593841326%05d", n)
	}
	return o
}
