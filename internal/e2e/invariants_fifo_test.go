package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

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
			if n := len(r.letters()); n > 0 {
				t.Errorf("%d letters", n)
			}
		})
	})
}
