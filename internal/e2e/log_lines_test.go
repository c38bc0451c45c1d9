package e2e

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

func TestAMessageThatWasRetriedAndSucceededHasOneLine(t *testing.T) {
	failsTwice := func(f *localcloud.Fault) func(int, string) *localcloud.Fault {
		return func(n int, _ string) *localcloud.Fault {
			if n <= 2 {
				return f
			}
			return nil
		}
	}
	subtest(t, "after failures", layout{}, func(t *testing.T, r *rig) {
		r.onCall("lamp", failsTwice(status(503, "ServiceUnavailableException")))
		w := r.start()
		r.send(name("plug", "never failed"))
		id := r.send(name("lamp", "on"))
		r.drained(10 * time.Minute)
		time.Sleep(time.Second) // others that fail with it share its line
		lines := w.logs.FilterMessage("applied after calls had failed").AllUntimed()
		if len(lines) != 1 || lines[0].Level != zapcore.InfoLevel {
			t.Fatalf("%d lines:\n%s", len(lines), w.lines())
		}
		fields := lines[0].ContextMap()
		if fields["message_id"] != id || fields["thing"] != "lamp" || fields["count"] != int64(2) || fields["code"] != "ServiceUnavailableException" {
			t.Errorf("the line has %v", fields)
		}
		w.stopped()
	})
	subtest(t, "after throttles, which are the normal case", layout{}, func(t *testing.T, r *rig) {
		r.onCall("lamp", failsTwice(status(429, "ThrottlingException")))
		w := r.start()
		id := r.send(name("lamp", "on"))
		r.drained(10 * time.Minute)
		for _, e := range w.logs.All() {
			if e.Level >= zapcore.InfoLevel && e.ContextMap()["message_id"] == id {
				t.Errorf("a line for it: %s %v", e.Message, e.ContextMap())
			}
		}
		w.stopped()
	})
}

// linesWith sums up the lines that hold the text: how many, and their counts.
func (w *worker) linesWith(text string) (lines, count int) {
	for _, e := range w.logs.All() {
		if strings.Contains(e.Message, text) {
			n, _ := e.ContextMap()["count"].(int64)
			lines, count = lines+1, count+int(n)
		}
	}
	return lines, count
}

func TestLeasesThatEndAreOneLineWithACount(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.MaxHeld, c.RateStart, c.RateMax, c.VisibilityTimeout = 300, 1, 1, 30*time.Second
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.sendTenant(280)
		w := r.start()
		r.until("most are held", time.Minute, func() bool { return w.Status().Messages.Held > 200 })
		entries := map[string]string{}
		for n := range 10 {
			entries[fmt.Sprint(n)] = "MessageNotInflight"
		}
		r.sqsFails("ReceiveMessage", &localcloud.Fault{ReceiveNothing: true})
		r.sqsFails("ChangeMessageVisibilityBatch", &localcloud.Fault{Entries: entries}) // as after a purge
		r.until("all are lost", 5*time.Minute, func() bool { return w.Status().Messages.Held == 0 })
		w.stopped()
		lines, count := w.linesWith("lost to the queue")
		if lines == 0 || lines > 2 || count < 150 {
			t.Errorf("%d lines for %d messages:\n%s", lines, count, w.lines())
		}
	})
}

func TestAnActionThatFailsInTwoWaysHasALineForEach(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		var requests atomic.Int64
		r.onSQS("DeleteMessageBatch", func(int, string) *localcloud.Fault {
			return status(500, []string{"InternalError", "ServiceUnavailable"}[requests.Add(1)%2])
		})
		w := r.start()
		r.sendNames("thing", 20)
		time.Sleep(3 * time.Minute)
		if lines, _ := w.linesWith("SQS is in trouble"); lines != 2 || requests.Load() < 20 {
			t.Errorf("%d lines for %d requests:\n%s", lines, requests.Load(), w.lines())
		}
		_ = w.stop()
	})
}

func TestCallsThatFailAndGetThroughAreALineAMinute(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.RateStart, c.RateMax = 20, 20 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		failed := map[string]bool{}
		r.apiFaults.add(func(c localcloud.CallInfo) *localcloud.Fault {
			mu.Lock()
			defer mu.Unlock()
			if c.N%3 > 0 || failed[c.Thing] {
				return nil
			}
			failed[c.Thing] = true
			return status(503, "ServiceUnavailableException")
		})
		w := r.start()
		for n := range 60 {
			r.sendNames(fmt.Sprint("thing-", n), 20)
			time.Sleep(2 * time.Second)
		}
		r.drained(10 * time.Minute)
		w.stopped()
		for _, text := range []string{"calls fail and are tried again", "applied after calls had failed"} {
			lines, count := w.linesWith(text)
			if lines < 2 || lines > 6 || count != len(failed) || len(failed) < 100 {
				t.Errorf("%q: %d lines count %d, %d things failed", text, lines, count, len(failed))
			}
		}
	})
}
