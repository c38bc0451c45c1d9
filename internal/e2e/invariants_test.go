package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// seeds runs a property once for each of n seeds. E2E_SEED=N runs that one
// alone; E2E_SEEDS=N runs as many, if you have the time.
func seeds(t *testing.T, n int, property func(t *testing.T, seed uint64)) {
	t.Helper()
	if one, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64); err == nil {
		property(t, one)
		return
	}
	if testing.Short() {
		n = min(n, 5)
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

// On a FIFO queue one group's calls fail from the beginning; all other groups are done
// meanwhile, and it follows once it may.
func TestAGroupThatFailsStopsNoOther(t *testing.T) {
	inBubble(t, layout{fifo: true, cloud: localcloud.Options{Latency: 10 * time.Millisecond}}, func(t *testing.T, r *rig) {
		heal := r.callsFail("thing-0", status(http.StatusServiceUnavailable, "ServiceUnavailableException"))
		const things, rounds = 20, 5
		w := r.start()
		for n := range rounds {
			for _, i := range rand.New(rand.NewPCG(7, uint64(n))).Perm(things) {
				thing := fmt.Sprintf("thing-%d", i)
				r.cloud.SQS.Send(r.queue, localcloud.Message{GroupID: thing, Body: name(thing, fmt.Sprintf("n%d", n))})
			}
			time.Sleep(time.Duration(n) * 700 * time.Millisecond)
		}
		r.until("all other groups are done", time.Minute, func() bool {
			return !slices.ContainsFunc(r.cloud.SQS.Messages(r.queue), func(m localcloud.Stored) bool { return m.GroupID != "thing-0" })
		})
		r.wantLeft(rounds)
		heal()
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		last := map[string]string{}
		for _, c := range r.calls("") {
			if c.Applied && c.Body < last[c.Thing] {
				t.Errorf("%s: %s was set after %s", c.Thing, c.Body, last[c.Thing])
			}
			if c.Applied {
				last[c.Thing] = c.Body
			}
		}
		for i := range things {
			r.wantMember(fmt.Sprintf("thing-%d", i), "Name", fmt.Sprintf(`"n%d"`, rounds-1))
		}
	})
}
