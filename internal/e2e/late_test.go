package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// A call times out, the same values are sent again and set, a newer value follows;
// then the first call lands on top of it.
func TestACallThatLandsAfterItsOwnRepetitionDoesNotBringItsValueBack(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.onCall("a", sequence(&localcloud.Fault{Delay: hang, ApplyLate: 15 * time.Second}))
		w := r.start()
		r.send(name("a", "old"))
		r.drained(time.Minute)
		r.send(name("a", "new"))
		r.drained(time.Minute)
		time.Sleep(time.Minute)
		r.wantMember("a", "Name", `"new"`)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
}

// The call that is to make sure of a value carries a newer one by now, and its own
// outcome is unknown: it may land on what follows it.
func TestTheCallThatMakesSureMayItselfLandLate(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.onCall("a", sequence(
			&localcloud.Fault{Delay: hang, ApplyLate: 12 * time.Second}, // first
			nil, // second, which may be overwritten by first
			&localcloud.Fault{ApplyLate: 8 * time.Second}, // third, in place of second's repetition
		))
		w := r.start()
		r.send(name("a", "first"))
		time.Sleep(5 * time.Second)
		r.send(name("a", "second"))
		time.Sleep(7 * time.Second)
		r.send(name("a", "third"))
		r.until("the third is sent", time.Minute, func() bool { return len(r.calls("a")) >= 3 })
		r.send(name("a", "fourth"))
		r.drained(5 * time.Minute)
		time.Sleep(time.Minute)
		r.wantMember("a", "Name", `"fourth"`)
		w.stopped()
	})
}

// Where the API merges keys, an older update of other keys comes after a newer one
// and its call has to be repeated: once it is set it is done with.
func TestALateUpdateOfOtherKeysIsNotSentAgainAndAgain(t *testing.T) {
	l := layout{
		cloud:    localcloud.Options{Latency: 20 * time.Millisecond},
		settings: func(c *config.Config) { c.MemberSemantics = config.SemanticsMerge },
	}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		broken := &localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalServerException", BreakAfter: true}
		r.onCall("a", sequence(nil, broken))
		w := r.start()
		now := time.Now()
		r.sendAt(now, `{"Identifier":"a","MetaData":{"room":"hall"}}`)
		r.drained(time.Minute)
		r.sendAt(now.Add(-time.Minute), `{"Identifier":"a","MetaData":{"room":"cellar","floor":"1"}}`)
		r.drained(time.Minute)
		r.wantMember("a", "MetaData", `{"floor":"1","room":"hall"}`)
		if n := len(r.calls("a")); n > 4 {
			t.Errorf("%d calls", n)
		}
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
}

// A late update sets one member, and its value of another, whose keys nobody can
// merge, is dropped: it counts among those that were dropped.
func TestAnUpdateThatIsDroppedInPartIsCountedApart(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		now := time.Now()
		r.sendAt(now, `{"Identifier":"a","MetaData":{"room":"hall"}}`)
		r.drained(time.Minute)
		r.sendAt(now.Add(-time.Minute), `{"Identifier":"a","MetaData":{"floor":"1"},"Name":"late"}`)
		r.drained(time.Minute)
		r.wantMember("a", "MetaData", `{"room":"hall"}`)
		r.wantMember("a", "Name", `"late"`)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Unsure: 1})
	})
}

func TestCallsThatLandLate(t *testing.T) {
	endsNew := func(r *rig, w *worker) {
		r.drained(10 * time.Minute)
		time.Sleep(5 * time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantNoLetters()
	}
	subtest(t, "a call that timed out and was applied", layout{}, func(t *testing.T, r *rig) {
		r.onCall("a", first(1, hangsAndLands(time.Nanosecond)))
		w := r.start()
		r.send(name("a", "new"))
		endsNew(r, w)
		r.wantCalls("a", 2)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
	})
	subtest(t, "a call that timed out and was applied, then refused", layout{}, func(t *testing.T, r *rig) {
		// The value is set all the same; whoever comes next is not skipped on the
		// word of that call.
		r.onCall("a", func(n int, body string) *localcloud.Fault {
			switch n {
			case 1:
				return hangsAndLands(time.Nanosecond)
			case 2:
				return status(400, "ValidationException")
			}
			return nil
		})
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "odd")})
		r.oneLetter(message.Rejected)
		r.settled(localcloud.Message{Body: name("a", "new")})
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
	})
	subtest(t, "it lands after its successor, which waited for it", layout{}, func(t *testing.T, r *rig) {
		// old times out after 10 s and lands after 14 s; new is sent in between.
		r.onCall("a", first(1, hangsAndLands(14*time.Second)))
		w := r.start()
		r.send(name("a", "old"))
		time.Sleep(time.Second)
		r.send(name("a", "new"))
		endsNew(r, w)
		if landedLate(r, "a") == 0 {
			r.t.Error("the first call did not land after its successor: the test shows nothing")
		}
	})
	subtest(t, "it lands after its successor, which came after its own repetition succeeded", layout{}, func(t *testing.T, r *rig) {
		r.onCall("a", first(1, hangsAndLands(20*time.Second)))
		w := r.start()
		r.send(name("a", "old"))
		r.drained(18 * time.Second)
		r.send(name("a", "new"))
		endsNew(r, w)
		if landedLate(r, "a") == 0 {
			r.t.Error("the first call did not land after its successor: the test shows nothing")
		}
	})
	subtest(t, "two of them land after their successor", layout{}, func(t *testing.T, r *rig) {
		r.onCall("a", func(n int, _ string) *localcloud.Fault {
			switch n {
			case 1:
				return hangsAndLands(30 * time.Second)
			case 2:
				return hangsAndLands(18 * time.Second)
			}
			return nil
		})
		w := r.start()
		r.send(name("a", "old"))
		time.Sleep(time.Second)
		r.send(name("a", "older"))
		time.Sleep(13 * time.Second)
		r.send(name("a", "new"))
		endsNew(r, w)
	})
	subtest(t, "the repetition that was to undo it hangs too, and another successor comes after", layout{}, func(t *testing.T, r *rig) {
		// old hangs; mid succeeds and is sent again for old's sake; that call hangs,
		// is repeated, and lands after new.
		r.onCall("a", func(n int, body string) *localcloud.Fault {
			switch n {
			case 1, 3:
				return hangsAndLands(18 * time.Second)
			}
			return nil
		})
		w := r.start()
		r.send(name("a", "old"))
		time.Sleep(time.Second)
		r.send(name("a", "mid"))
		r.until("the fourth call is made", time.Minute, func() bool { return len(r.calls("a")) == 4 })
		r.send(name("a", "new"))
		endsNew(r, w)
		if landedLate(r, "a") == 0 {
			r.t.Error("no call landed after a later one: the test shows nothing")
		}
	})
	subtest(t, "the repetition that was to undo it hangs too, and another successor joins the next", layout{}, func(t *testing.T, r *rig) {
		r.onCall("a", func(n int, body string) *localcloud.Fault {
			switch n {
			case 1, 3:
				return hangsAndLands(18 * time.Second)
			}
			return nil
		})
		w := r.start()
		r.send(name("a", "old"))
		time.Sleep(time.Second)
		r.send(name("a", "mid"))
		r.until("the third call is made", time.Minute, func() bool { return len(r.calls("a")) == 3 })
		r.send(name("a", "new"))
		endsNew(r, w)
		if landedLate(r, "a") == 0 {
			r.t.Error("no call landed after a later one: the test shows nothing")
		}
	})
}

// landedLate is how many calls were applied after a call that began later.
func landedLate(r *rig, thing string) int {
	late := 0
	calls := r.calls(thing)
	for i, c := range calls {
		for _, later := range calls[i+1:] {
			if c.Applied && later.Applied && c.Seq > later.Seq {
				late++
				break
			}
		}
	}
	return late
}

// Whatever calls hang and land within twice their timeout, in whatever order the
// events come: the end is the newest value of each member.
func TestRandomCallsThatLandLate(t *testing.T) {
	for seed := range uint64(25) {
		subtest(t, fmt.Sprintf("seed %d", seed), layout{}, func(t *testing.T, r *rig) {
			rng := rand.New(rand.NewPCG(seed, 1))
			faults := make([]*localcloud.Fault, 30)
			for i := range faults {
				switch n := rng.IntN(10); {
				case n < 3:
					faults[i] = hangsAndLands(time.Duration(rng.IntN(20_000)) * time.Millisecond)
				case n < 4:
					faults[i] = &localcloud.Fault{ApplyLate: time.Duration(rng.IntN(20_000)) * time.Millisecond} // broken at once
				case n < 5:
					faults[i] = &localcloud.Fault{BreakAfter: true}
				case n < 6:
					faults[i] = status(503, "ServiceUnavailableException")
				}
			}
			r.onCall("a", func(n int, _ string) *localcloud.Fault {
				if n <= len(faults) {
					return faults[n-1]
				}
				return nil
			})
			w := r.start()
			newest, value := map[string]time.Time{}, map[string]string{}
			for i := range 15 {
				at := time.Now().Add(-time.Duration(rng.IntN(20_000)) * time.Millisecond)
				var pairs []string
				for _, member := range []string{"Name", "Brand", "Model"} {
					if rng.IntN(2) == 0 {
						continue
					}
					raw := fmt.Sprintf(`"v%d"`, i)
					pairs = append(pairs, fmt.Sprintf(`%q:%s`, member, raw))
					if at.After(newest[member]) {
						newest[member], value[member] = at, raw
					}
				}
				if pairs == nil {
					continue
				}
				r.sendAt(at, `{"Identifier":"a",`+strings.Join(pairs, ",")+`}`)
				time.Sleep(time.Duration(rng.IntN(12_000)) * time.Millisecond)
			}
			r.drained(time.Hour)
			time.Sleep(time.Minute)
			w.stopped()
			r.wantNoLetters()
			for member, raw := range value {
				r.wantMember("a", member, raw)
			}
			if r.t.Failed() {
				for _, c := range r.calls("a") {
					r.t.Logf("%v %v %d seq %d at %v: %s", c.At, c.End, c.Status, c.Seq, c.AppliedAt, c.Body)
				}
			}
		})
	}
}
