package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// hangsAndLands is a call that the worker gives up after WORKER_CALL_TIMEOUT and
// that is applied so long after its start.
func hangsAndLands(after time.Duration) *localcloud.Fault {
	return &localcloud.Fault{Delay: time.Minute, ApplyLate: after}
}

func TestCallsThatLandLate(t *testing.T) {
	inVirtualTime(t)
	endsNew := func(r *rig, w *worker) {
		r.drained(10 * time.Minute)
		time.Sleep(5 * time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		r.wantNoLetters()
	}
	play(t, []scene{
		{name: "a call that timed out and was applied", play: func(r *rig) {
			r.onCall("a", func(n int, _ string) *localcloud.Fault {
				if n == 1 {
					return hangsAndLands(time.Nanosecond)
				}
				return nil
			})
			w := r.start()
			r.send(name("a", "new"))
			endsNew(r, w)
			r.wantCalls("a", 2)
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		}},
		{name: "a call that timed out and was applied, then refused", play: func(r *rig) {
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
		}},
		{name: "it lands after its successor, which waited for it", play: func(r *rig) {
			// old times out after 10 s and lands after 14 s; new is sent in between.
			r.onCall("a", func(n int, _ string) *localcloud.Fault {
				if n == 1 {
					return hangsAndLands(14 * time.Second)
				}
				return nil
			})
			w := r.start()
			r.send(name("a", "old"))
			time.Sleep(time.Second)
			r.send(name("a", "new"))
			endsNew(r, w)
			if landedLate(r, "a") == 0 {
				r.t.Error("the first call did not land after its successor: the test shows nothing")
			}
		}},
		{name: "it lands after its successor, which came after its own repetition succeeded", play: func(r *rig) {
			r.onCall("a", func(n int, _ string) *localcloud.Fault {
				if n == 1 {
					return hangsAndLands(20 * time.Second)
				}
				return nil
			})
			w := r.start()
			r.send(name("a", "old"))
			r.drained(18 * time.Second)
			r.send(name("a", "new"))
			endsNew(r, w)
			if landedLate(r, "a") == 0 {
				r.t.Error("the first call did not land after its successor: the test shows nothing")
			}
		}},
		{name: "two of them land after their successor", play: func(r *rig) {
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
		}},
		{name: "the repetition that was to undo it hangs too, and another successor comes after", play: func(r *rig) {
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
		}},
		{name: "the repetition that was to undo it hangs too, and another successor joins the next", play: func(r *rig) {
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
		}},
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
	inVirtualTime(t)
	var scenes []scene
	for seed := range uint64(25) {
		scenes = append(scenes, scene{name: fmt.Sprintf("seed %d", seed), play: func(r *rig) {
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
		}})
	}
	play(t, scenes)
}
