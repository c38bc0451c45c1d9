package thingstate_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

func TestMemoryIsAStore(t *testing.T) {
	statetest.Run(t, statetest.Harness{
		Open: func(_ *testing.T, o statetest.Options) statetest.Opened {
			return statetest.Opened{Store: thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL})}
		},
		Run:  synctest.Test,
		Tick: time.Minute,
	})
}

func apply(t testing.TB, m *thingstate.Memory, thing string) {
	t.Helper()
	_, l, err := m.Acquire(t.Context(), thing, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := thingstate.Version{Member: "Name", Order: &message.Order{EventTime: time.Now(), MessageID: "m"}}
	if err := m.Finish(t.Context(), l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{v}, Keys: []string{"k"}}); err != nil {
		t.Fatal(err)
	}
}

func remembered(t testing.TB, m *thingstate.Memory, thing string) bool {
	t.Helper()
	r, l, err := m.Acquire(t.Context(), thing, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Finish(t.Context(), l, thingstate.Result{}); err != nil {
		t.Fatal(err)
	}
	return len(r.Versions) > 0
}

// onlyMiB has room for about 2,600 things of apply's.
var onlyMiB = thingstate.MemoryOptions{Bytes: 1 << 20}

func TestMemoryForgetsTheLeastRecentlyUsedThing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := thingstate.NewMemory(onlyMiB)
		for _, thing := range []string{"a", "b", "c", "a"} {
			apply(t, m, thing)
			time.Sleep(time.Second)
		}
		forgetOne(t, m)
		if !remembered(t, m, "a") || !remembered(t, m, "c") || remembered(t, m, "b") {
			t.Error("b was used longest ago and is the one to go")
		}
	})
}

// forgetOne fills a memory until it forgets.
func forgetOne(t testing.TB, m *thingstate.Memory) {
	t.Helper()
	for i, before := 0, m.Stats().Forgotten; m.Stats().Forgotten == before; i++ {
		if i == 10_000 {
			t.Fatalf("nothing is forgotten: %+v", m.Stats())
		}
		apply(t, m, fmt.Sprint("filling", i))
	}
}

func TestMemoryKeepsAThingThatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := thingstate.NewMemory(onlyMiB)
		_, held, err := m.Acquire(t.Context(), "held", time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5_000 {
			apply(t, m, fmt.Sprint(i))
		}
		if _, _, err := m.Acquire(t.Context(), "held", time.Hour, nil); err == nil {
			t.Error("two leases of one thing at once")
		}
		if err := m.Finish(t.Context(), held, thingstate.Result{}); err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryPassesItsBoundByLeasesHeldOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := thingstate.NewMemory(onlyMiB)
		for i := range 400 {
			if _, _, err := m.Acquire(t.Context(), fmt.Sprint("held", i), time.Hour, nil); err != nil {
				t.Fatal(err)
			}
		}
		held := m.Stats().Bytes
		for i := range 5_000 {
			apply(t, m, fmt.Sprint(i))
			if s := m.Stats(); s.Bytes > onlyMiB.Bytes+held {
				t.Fatalf("%+v with %d bytes held, want at most %d more than those", s, held, onlyMiB.Bytes)
			}
		}
		time.Sleep(2 * time.Hour)
		for i := range 200 {
			apply(t, m, fmt.Sprint(i))
		}
		if s := m.Stats(); s.Bytes > onlyMiB.Bytes {
			t.Errorf("%+v when the leases had ended, want at most %d", s, onlyMiB.Bytes)
		}
	})
}

func TestMemoryLosesALeaseWithItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := thingstate.NewMemory(onlyMiB)
		_, first, err := m.Acquire(t.Context(), "a", time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		forgetOne(t, m)
		if err := m.Finish(t.Context(), first, thingstate.Result{}); !errors.Is(err, thingstate.ErrLeaseLost) {
			t.Errorf("Finish: %v, want ErrLeaseLost", err)
		}
		if _, second, _ := m.Acquire(t.Context(), "a", time.Minute, nil); second.Token <= first.Token {
			t.Errorf("tokens %d, then %d: they must grow", first.Token, second.Token)
		}
	})
}

func TestMemoryFreesWhatRanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: time.Hour, VersionTTL: 2 * time.Hour})
		for i := range 1000 {
			apply(t, m, fmt.Sprint("old", i))
		}
		time.Sleep(3 * time.Hour)
		for i := range 300 {
			apply(t, m, fmt.Sprint("new", i))
		}
		if s := m.Stats(); s.Things != 300 || s.Forgotten != 0 {
			t.Errorf("%+v, want the 300 new ones, and nothing that went for want of room", s)
		}
	})
}

// BenchmarkMemoryRecord reports what one thing with 4 versions and 10 dedup keys
// costs: time for a call's two writes, and heap for as long as it is remembered.
func BenchmarkMemoryRecord(b *testing.B) {
	const things = 20_000
	fill := func(m *thingstate.Memory, i int) {
		order := &message.Order{EventTime: time.Now(), SentAt: time.Now(), MessageID: fmt.Sprintf("219f8380-5770-4cc2-8c3e-%012d", i)}
		var intents []thingstate.Intent
		var applied []thingstate.Version
		for _, member := range []string{"Name", "Model", "MetaData", "HubNetworkMode"} {
			intents = append(intents, thingstate.Intent{Member: member, Order: order})
			applied = append(applied, thingstate.Version{Member: member, Order: order})
		}
		_, l, err := m.Acquire(b.Context(), fmt.Sprintf("thing-%012d", i%things), time.Minute, intents)
		if err != nil {
			b.Fatal(err)
		}
		var keys []string
		if i < things {
			for k := range 10 {
				keys = append(keys, fmt.Sprint("sqs:", i, k))
			}
		}
		if err := m.Finish(b.Context(), l, thingstate.Result{Call: thingstate.Succeeded, Applied: applied, Keys: keys}); err != nil {
			b.Fatal(err)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	m := thingstate.NewMemory(thingstate.MemoryOptions{})
	for i := range things {
		fill(m, i)
	}
	perThing := float64(heap()-before) / things
	b.ReportAllocs()
	i := things
	for b.Loop() {
		fill(m, i)
		i++
	}
	b.ReportMetric(perThing, "B/thing")
	runtime.KeepAlive(m)
}
