package e2e

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestInvalidMessagesLeaveRoomForOthers(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.MaxHeld = 10 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		for n := range 300 {
			r.send([]string{"", "{", "not JSON", `{"Name":"n"}`, `{"Identifier":"x","Owner":5}`}[n%5] + " ")
		}
		w := r.start()
		r.sendNames("thing", 20)
		r.drained(5 * time.Minute)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 300, message.Applied: 20})
		r.wantOnlyLetters(300)
		r.wantAppliedOnce("thing", 20)
	})
}

func TestOneSlowCallDoesNotHaltTheRest(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.Concurrency, c.MaxHeld = 2, 20 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.callsFail("slow", hangs())
		w := r.start()
		r.send(name("slow", "new"))
		time.Sleep(time.Second)
		r.sendNames("thing", 200)
		r.until("all others are applied", 30*time.Second, func() bool { return w.outcomes()[string(message.Applied)] == 200 })
		r.wantAppliedOnce("thing", 200)
	})
}

// It runs beside no other test: the heap is the whole process's.
func TestNothingGrowsWithTheNumberOfMessagesSeen(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.DedupTTL, c.VersionTTL, c.MaxHeld = time.Minute, time.Minute, 1000 }}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, l)
		r.cloud.Things.Record = false
		w := r.start()
		sent := 0
		heapAfter := func(messages int) int64 {
			for range messages {
				r.send(name(fmt.Sprintf("thing-%d", sent%20), fmt.Sprintf("n%d", sent)))
				if sent++; sent%10 == 0 {
					time.Sleep(200 * time.Millisecond)
				}
			}
			time.Sleep(5 * time.Minute)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		// By then all that is remembered of so many messages and no more is full: the
		// queue's own of deleted ones, the timelines, the look ahead's.
		before := heapAfter(r.cfg.MaxHeld + 1000)
		goroutines := runtime.NumGoroutine()
		grown := heapAfter(3000) - before
		t.Logf("grown by %d bytes over 3000 messages", grown)
		if grown > 3000*50 {
			t.Errorf("the heap grew by %d bytes over 3000 messages", grown)
		}
		if n := runtime.NumGoroutine(); n > goroutines+2 {
			t.Errorf("%d goroutines, %d before", n, goroutines)
		}
		w.stopped()
		if s := w.Status(); s.Messages.HeldBytes != 0 || s.Backlog.Things != 0 {
			t.Errorf("left at the end: %+v %+v", s.Messages, s.Backlog)
		}
	})
}

func TestAnEmptyQueueCostsAtMostFourReceivesAMinute(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.sendNames("thing", 200) // makes it open more polls
		r.drained(time.Minute)
		time.Sleep(time.Minute)
		before := r.allRequests()
		time.Sleep(30 * time.Minute)
		if n := r.allRequests() - before; n > 4*30 {
			t.Errorf("%d requests in 30 idle minutes, want at most 4 a minute", n)
		}
		w.stopped()
	})
}

func TestAnyRequestThatNeverReturnsIsBounded(t *testing.T) {
	for _, action := range []string{"DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch", "GetQueueUrl"} {
		l := layout{cloud: localcloud.Options{Latency: 8 * time.Second}, settings: func(c *config.Config) { c.VisibilityTimeout = 30 * time.Second }}
		subtest(t, action, l, func(t *testing.T, r *rig) {
			r.onSQS(action, first(12, hangs())) // as many as may be under way at once, and more
			r.cfg.RateStart = 2
			w := r.start()
			r.sendNames("thing", 30)
			r.send("unreadable")
			r.drained(15 * time.Minute)
			w.stopped()
			r.oneLetter(message.InvalidMessage)
			for n := range 30 {
				r.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
			}
		})
	}
}
