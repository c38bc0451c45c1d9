package e2e

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// What users of other queue consumers reported about stalls, memory and cost; the
// number is the lesson's.

func TestLesson18_ADecodingErrorLeaksNoSlot(t *testing.T) {
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
		if n := len(r.letters()); n != 300 {
			t.Errorf("%d letters, want 300", n)
		}
		r.wantAppliedOnce("thing", 20)
	})
}

func TestLesson18_OneSlowMessageDoesNotHaltTheRest(t *testing.T) {
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

func TestLesson18_OneBadMessageDoesNotDropItsBatch(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.send("\xef\xbb\xbf{")
		r.sendNames("thing", 9)
		w := r.start()
		r.drained(time.Minute)
		w.stopped()
		r.oneLetter(message.InvalidMessage)
		r.wantAppliedOnce("thing", 9)
		r.wantReceivedOnce(10)
	})
}

func TestLesson19_AReceiveThatNeverReturnsIsBounded(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		var hung atomic.Int32
		r.cloud.Faults.OnSQS = func(info localcloud.SQSInfo) *localcloud.Fault {
			if info.Action == "ReceiveMessage" && info.N <= 2 {
				hung.Add(1)
				return hangs()
			}
			return nil
		}
		w := r.start()
		r.sendNames("thing", 5)
		r.drained(90 * time.Second)
		if hung.Load() != 2 {
			t.Errorf("%d receives hung, want 2", hung.Load())
		}
		w.stopped()
		r.wantAppliedOnce("thing", 5)
	})
}

func TestLesson19_NothingGrowsWithTheNumberOfMessagesSeen(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.DedupTTL, c.VersionTTL, c.MaxHeld = time.Minute, time.Minute, 1000 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
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

func TestLesson20_ReceiveErrorsBackOff(t *testing.T) {
	for trouble, fault := range map[string]*localcloud.Fault{
		"500":               internalError,
		"denied":            denied,
		"throttled":         status(http.StatusBadRequest, "RequestThrottled"),
		"broken connection": brokenBefore,
		"nothing, at once":  {ReceiveNothing: true}, // as with too many messages in flight
	} {
		subtest(t, trouble, layout{}, func(t *testing.T, r *rig) {
			heal := r.sqsFails("ReceiveMessage", fault)
			w := r.start()
			r.sendNames("thing", 5)
			time.Sleep(10 * time.Minute)
			n := r.requests("ReceiveMessage")
			t.Logf("%d receives in 10 minutes", n)
			if n > 150 || n < 20 {
				t.Errorf("%d receives in 10 minutes, want 20 to 150", n)
			}
			heal()
			r.drained(r.cfg.RetryMax + 10*time.Second)
			w.stopped()
			r.wantAppliedOnce("thing", 5)
		})
	}
}

func TestLesson24_AnEmptyQueueCostsAtMostFourReceivesAMinute(t *testing.T) {
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

func TestNoMoreIsHeldThanTheSettingsAllow(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.MaxHeld, c.MaxHeldBytes, c.RateStart, c.VisibilityTimeout = 50, 20<<20, 5, 30*time.Second
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		padding := strings.Repeat(" ", 900<<10)
		const big, small = 22, 120
		for n := range big {
			r.send(fmt.Sprintf(`{"Identifier":"big-%d","Name":"new"%s}`, n, padding))
		}
		r.sendNames("small", small)
		w := r.start()
		mostHeld, mostBytes := 0, int64(0)
		for left := big + small; left > 0; left = r.cloud.SQS.Len(r.queue) {
			for range 20 {
				s := w.Status().Messages
				mostHeld, mostBytes = max(mostHeld, s.Held+s.Settling), max(mostBytes, s.HeldBytes)
				time.Sleep(50 * time.Millisecond)
			}
		}
		w.stopped()
		t.Logf("at most %d messages, %d bytes", mostHeld, mostBytes)
		if mostHeld > 50 || mostBytes > 20<<20 {
			t.Errorf("held %d messages, %d bytes; allowed are 50 and %d", mostHeld, mostBytes, 20<<20)
		}
		if mostHeld < 40 || mostBytes < 9<<20 {
			t.Errorf("held only %d messages, %d bytes: the test shows nothing", mostHeld, mostBytes)
		}
		r.wantAppliedOnce("big", big)
		r.wantAppliedOnce("small", small)
		r.wantReceivedOnce(big + small)
	})
}

func TestLesson19_AnyRequestThatNeverReturnsIsBounded(t *testing.T) {
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
