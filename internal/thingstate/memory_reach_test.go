package thingstate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// A memory that is too small for its things says how far back it remembers, and it does
// remember all that was recorded since: versions, marks and dedup keys, whatever the
// things take and however they come.
func TestMemoryRemembersAsFarBackAsItSays(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) { remembersAsItSays(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

// known is what was recorded of a thing last, and when.
type known struct {
	version, mark int
	key           string
	versionAt     time.Time
	markAt        time.Time
	keyAt         time.Time
}

func remembersAsItSays(t *testing.T, random *rand.Rand) {
	began := time.Now()
	m := thingstate.NewMemory(thingstate.MemoryOptions{Bytes: int64(20_000 + random.IntN(100_000))})
	facts := map[string]*known{}
	for n := range 2000 {
		thing := fmt.Sprint("thing-", int(random.ExpFloat64()*100))
		now := time.Now()
		order := someOrder(n, random.IntN(2) == 0)
		digest := thingstate.Digest{byte(n), byte(n >> 8)}
		_, l, err := m.Acquire(t.Context(), thing, time.Minute, []thingstate.Intent{{Member: "Name", Digest: digest, Order: order}})
		if err != nil {
			t.Fatal(err)
		}
		fact := facts[thing]
		if fact == nil {
			fact = &known{}
			facts[thing] = fact
		}
		var r thingstate.Result
		switch random.IntN(4) {
		case 0: // refused, or unknown to the API
		case 1:
			r.Call = thingstate.OutcomeUnknown
			fact.mark, fact.markAt = n, now
		default:
			r.Call = thingstate.Succeeded
			r.Applied = []thingstate.Version{{Member: "Name", Digest: digest, Order: order}}
			for k := range 1 + random.IntN(40) {
				r.Keys = append(r.Keys, fmt.Sprint(n, "/", k))
			}
			*fact = known{version: n, versionAt: now, key: r.Keys[0], keyAt: now}
		}
		if err := m.Finish(t.Context(), l, r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
	}

	s := m.Stats()
	if s.Forgotten == 0 || !s.Since.After(began) {
		t.Fatalf("nothing was forgotten: %+v", s)
	}
	since, after, lost := s.Since, 0, 0
	for thing, fact := range facts {
		r, _, err := m.Acquire(t.Context(), thing, time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		has := func(n int, digest thingstate.Digest) bool { return digest == thingstate.Digest{byte(n), byte(n >> 8)} }
		v, versionKnown := r.Version("Name")
		marked := false
		for mark := range r.MarksOf("Name") {
			marked = marked || has(fact.mark, mark.Digest)
		}
		for _, f := range []struct {
			what string
			at   time.Time
			is   bool
		}{
			{"version", fact.versionAt, versionKnown && has(fact.version, v.Digest)},
			{"dedup key", fact.keyAt, r.Seen(fact.key)},
			{"mark", fact.markAt, marked},
		} {
			switch {
			case f.at.IsZero():
			case f.at.After(since) && !f.is:
				t.Errorf("%s: the %s recorded %v after %v is forgotten", thing, f.what, f.at.Sub(since), since)
			case f.at.After(since):
				after++
			case !f.is:
				lost++
			}
		}
	}
	if after == 0 || lost == 0 {
		t.Errorf("%d facts are younger than what it says, %d older ones are gone: that shows nothing", after, lost)
	}
}
