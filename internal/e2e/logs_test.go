package e2e

import (
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

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
