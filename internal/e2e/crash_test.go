package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

func TestACrashBetweenClaimAndCompletionDoesNotBlockForLong(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.VisibilityTimeout = 30 * time.Second }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// The record outlives the worker, as a shared store does.
		store := thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: time.Hour, VersionTTL: time.Hour})
		called := make(chan struct{})
		r.onCall("*", func(n int, _ string) *localcloud.Fault {
			if n == 1 {
				close(called)
				return &localcloud.Fault{Delay: time.Second}
			}
			return nil
		})
		first, process := r.startMortal(on(store))
		r.send(name("thing", "new"))
		<-called
		process.kill()
		crashed := time.Now()
		second := r.start(on(store))
		r.until("the update is applied", 2*time.Minute, func() bool { return r.applied("thing") == 1 })
		if took, most := time.Since(crashed), r.cfg.VisibilityTimeout+r.cfg.CallTimeout; took > most {
			t.Errorf("applied %v after the crash, want at most %v", took, most)
		}
		r.drained(time.Minute)
		second.stopped()
		second.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		_ = first.stop()
	})
}

func TestPoisonDoesNotCrashLoopTheWorker(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.MaxReceives, c.VisibilityTimeout = 30, 30*time.Second
		c.RateStart = 10 // nothing overtakes the poison by luck
	}, cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		died := make(chan struct{}, 1)
		r.onCall("poison", func(int, string) *localcloud.Fault {
			died <- struct{}{}
			return brokenBefore
		})
		r.send(name("poison", "new")) // first in line, so that it takes the others down with it
		const others = 9              // within its receive
		r.sendNames("thing", others)
		lives := 0
		for lives < 40 && r.cloud.SQS.Len(r.queue) > 0 {
			lives++
			w, process := r.startMortal()
			for alive := true; alive && r.cloud.SQS.Len(r.queue) > 0; {
				select {
				case <-died:
					process.kill()
					alive = false
				case <-time.After(time.Second):
				}
			}
			_ = w.stop() // the dead one cannot tell it
		}
		r.wantLeft(0)
		t.Logf("%d lives", lives)
		if l := r.oneLetter(message.ReceivedTooOften); !strings.Contains(l.Body, "poison") || l.Failure.Receives != 31 {
			t.Errorf("letter after %d receives: %s", l.Failure.Receives, l.Body)
		}
		for n := range others {
			r.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
		}
	})
}
