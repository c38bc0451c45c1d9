package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

// The least that the settings allow is room for one receive. A message that waits takes
// some of it, and must not keep all others in the queue.
func TestAMessageThatWaitsDoesNotCloseTheNarrowestWorker(t *testing.T) {
	for what, narrow := range map[string]func(*config.Config){
		"bytes":    func(c *config.Config) { c.MaxHeldBytes = 10 << 20 },
		"messages": func(c *config.Config) { c.MaxHeld = 10 },
	} {
		subtest(t, what, layout{settings: narrow}, func(t *testing.T, r *rig) {
			r.onCall("sick", func(int, string) *localcloud.Fault {
				return status(404, "ResourceNotFoundException") // waited for: it may be being onboarded
			})
			w := r.start()
			r.send(name("sick", "new"))
			time.Sleep(2 * time.Second)
			began := time.Now()
			r.sendNames("thing", 50)
			for n := range 50 {
				r.until(fmt.Sprint("thing-", n, " is applied"), time.Minute, func() bool { return r.applied(fmt.Sprint("thing-", n)) == 1 })
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("50 calls at 10 a second took %v beside a message that waits", took)
			}
			time.Sleep(2 * time.Second) // those are deleted
			if r.cloud.SQS.Len(r.queue) != 1 {
				t.Error("the message did not wait: the test shows nothing")
			}
			w.stopped()
		})
	}
}
