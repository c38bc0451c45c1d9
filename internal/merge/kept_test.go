package merge_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// What a thing's record keeps of a call keeps no body, value or key of a message alive: a
// memory holds what it counts, however large the messages were.
func TestARecordKeepsNoMessageAlive(t *testing.T) {
	const things = 500
	for _, semantics := range []merge.Semantics{merge.Replace, merge.Merge, merge.Unknown} {
		merger := merge.Merger{Semantics: semantics}
		memory := thingstate.NewMemory(thingstate.MemoryOptions{})
		update := func(thing, n int) {
			var keys []string
			for k := range 10 {
				keys = append(keys, fmt.Sprintf(`"key-%d-%d":"%s"`, n, k, strings.Repeat("v", 700)))
			}
			u, faults := message.Decode(message.Incoming{
				ID:     fmt.Sprintf("219f8380-5770-4cc2-8c3e-%012d", things*n+thing),
				Body:   fmt.Sprintf(`{"Identifier":"thing-%d","Name":"hall %d","MetaData":{%s}}`, thing, n, strings.Join(keys, ",")),
				SentAt: time.Now(), SequenceNumber: fmt.Sprintf("188706593841326%05d", n), Receives: 1,
			}, message.Options{})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			plan := merger.Plan([]*merge.Waiting{{Update: &u}}, thingstate.Record{})
			_, l, err := memory.Acquire(t.Context(), u.Thing, time.Minute, plan.Intents)
			if err != nil {
				t.Fatal(err)
			}
			result := thingstate.Result{Call: thingstate.Succeeded, Applied: plan.Applied, Keys: []string{u.Key}}
			if n%2 == 1 {
				result = thingstate.Result{Call: thingstate.OutcomeUnknown}
			}
			if err := memory.Finish(t.Context(), l, result); err != nil {
				t.Fatal(err)
			}
		}
		update(things, 0) // what is made once
		before, counted := heapAlive(), memory.Stats().Bytes
		for n := range 4 {
			for thing := range things {
				update(thing, n)
			}
		}
		took := heapAlive() - before
		counted = memory.Stats().Bytes - counted
		runtime.KeepAlive(memory)
		if took < counted*3/4 || took > counted*5/4 {
			t.Errorf("%s: %d bytes are alive for each thing, and %d are counted", semantics, took/things, counted/things)
		}
	}
}

func heapAlive() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
