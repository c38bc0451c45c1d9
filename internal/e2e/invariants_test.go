package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// seeds runs a property once for each of n seeds. E2E_SEED=N runs that one
// alone; E2E_SEEDS=N runs as many, where somebody has the time.
func seeds(t *testing.T, n int, property func(t *testing.T, seed uint64)) {
	t.Helper()
	if one, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64); err == nil {
		property(t, one)
		return
	}
	if many, err := strconv.Atoi(os.Getenv("E2E_SEEDS")); err == nil {
		n = many
	}
	for seed := range uint64(n) {
		if t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { property(t, seed) }); t.Failed() {
			t.Fatalf("to see it again: E2E_SEED=%d go test -race -run '^%s$' ./internal/e2e", seed, t.Name())
		}
	}
}

func TestInvariantsHoldThroughRandomFaultsAndRestarts(t *testing.T) {
	inVirtualTime(t)
	complete := 0
	seeds(t, 30, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			p := newProperty(t, seed, false)
			p.live()
			if p.check() {
				complete++
			}
		})
	})
	if !t.Failed() && os.Getenv("E2E_SEED") == "" && complete == 0 {
		t.Error("no run compared the members that the API may merge")
	}
}

// TestInvariantsHoldOnAFIFOQueue is the same run with each thing as a message
// group: beside all else, no value is followed by an older one.
func TestInvariantsHoldOnAFIFOQueue(t *testing.T) {
	inVirtualTime(t)
	seeds(t, 8, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			p := newProperty(t, seed, true)
			p.live()
			p.check()
		})
	})
}

// TestAGroupThatFailsStopsNoOther: on a FIFO queue one group's calls fail from the
// beginning; all other groups are done meanwhile, and it follows once it may.
func TestAGroupThatFailsStopsNoOther(t *testing.T) {
	inVirtualTime(t)
	seeds(t, 3, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, layout{fifo: true, cloud: localcloud.Options{Seed: seed, Latency: 10 * time.Millisecond}})
			random := rand.New(rand.NewPCG(seed, 7))
			healed := make(chan struct{})
			r.cloud.Faults.OnCall = func(info localcloud.CallInfo) *localcloud.Fault {
				select {
				case <-healed:
				default:
					if info.Thing == "stuck" {
						return status(http.StatusServiceUnavailable, "ServiceUnavailableException")
					}
				}
				return nil
			}
			const others, rounds = 20, 5
			sent := map[string]int{}
			w := r.start()
			for n := range rounds {
				for _, g := range random.Perm(others + 1) {
					thing := fmt.Sprintf("group-%d", g)
					if g == others {
						thing = "stuck"
					}
					sent[thing]++
					r.cloud.SQS.Send(r.queue, localcloud.Message{GroupID: thing, Body: name(thing, fmt.Sprintf("n%d", n))})
				}
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			}
			r.until("all other groups are done", time.Minute, func() bool {
				for _, m := range r.cloud.SQS.Messages(r.queue) {
					if m.GroupID != "stuck" {
						return false
					}
				}
				return true
			})
			if left := r.cloud.SQS.Len(r.queue); left != sent["stuck"] {
				t.Errorf("%d messages of the group that fails are left, want all %d", left, sent["stuck"])
			}
			close(healed)
			r.drained(5 * time.Minute)
			w.stopped()
			for thing := range sent {
				r.wantMember(thing, "Name", fmt.Sprintf(`"n%d"`, rounds-1))
				last := ""
				for _, c := range r.calls(thing) {
					if c.Applied && strings.Compare(c.Body, last) < 0 {
						t.Errorf("%s: %s was set after %s", thing, c.Body, last)
					}
					if c.Applied {
						last = c.Body
					}
				}
			}
			r.wantNoLetters()
		})
	})
}
