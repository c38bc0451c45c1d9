package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/localcloud"
)

// statusText is /status as a script reads it.
func (w *worker) statusText() string {
	text, _ := json.Marshal(w.Status())
	return string(text)
}

// wantReady checks /readyz: its word, and what its text holds.
func (w *worker) wantReady(ok bool, words ...string) {
	w.t.Helper()
	got, reason := w.Ready()
	if got != ok {
		w.t.Errorf("ready is %v (%q), want %v", got, reason, ok)
	}
	for _, word := range words {
		if !strings.Contains(reason, word) {
			w.t.Errorf("the reason %q does not say %q", reason, word)
		}
	}
}

func TestLesson34_AQueueThatIsDeletedShowsInReadinessAndStatus(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("thing-0", "new"))
		r.drained(time.Minute)
		if _, err := r.sqs().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &r.queue}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		w.wantReady(true)
		time.Sleep(40 * time.Second)
		w.wantReady(false, "ReceiveMessage", "NonExistentQueue", "WORKER_QUEUE_URL")
		for _, word := range []string{`"failing"`, `"ReceiveMessage"`, "NonExistentQueue", `"since"`} {
			if text := w.statusText(); !strings.Contains(text, word) {
				t.Errorf("/status does not say %s: %s", word, text)
			}
		}
		if ok, stale := w.Health(); !ok {
			t.Errorf("not healthy: %v", stale)
		}
		r.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: r.dlq})
		r.send(name("thing-1", "new"))
		r.drained(time.Minute)
		w.wantReady(true)
		if text := w.statusText(); strings.Contains(text, `"since":"2000`) && strings.Contains(text, "NonExistentQueue") {
			t.Errorf("/status still says it: %s", text)
		}
		w.stopped()
	})
}

func TestReadinessTellsWhyNothingIsReceived(t *testing.T) {
	for name, c := range map[string]struct {
		fault *localcloud.Fault
		words []string
	}{
		"denied":        {denied, []string{"sqs:ReceiveMessage"}},
		"the key":       {status(http.StatusBadRequest, "KMS.AccessDeniedException"), []string{"KMS", "kms:Decrypt"}},
		"expired token": {status(http.StatusForbidden, "ExpiredToken"), []string{"credentials"}},
		"no network":    {brokenBefore, []string{"no answer"}},
		"5xx":           {internalError, []string{"InternalError"}},
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			w := r.start()
			time.Sleep(time.Minute)
			w.wantReady(true)
			heal := r.sqsFails("ReceiveMessage", c.fault)
			time.Sleep(2 * time.Minute)
			w.wantReady(false, c.words...)
			heal()
			time.Sleep(time.Minute)
			w.wantReady(true)
			w.stopped()
		})
	}
}

// An open long poll is no failure, and a queue from which nothing is wanted says nothing.
func TestReadinessOfAWorkerThatNeedsNothingFromItsQueue(t *testing.T) {
	subtest(t, "one receive in ten gets through", layout{}, func(t *testing.T, r *rig) {
		r.onSQS("ReceiveMessage", func(n int, _ string) *localcloud.Fault {
			if n%3 != 0 {
				return internalError
			}
			return nil
		})
		w := r.start()
		for range 60 {
			time.Sleep(5 * time.Second)
			w.wantReady(true)
		}
		w.stopped()
	})
	l := layout{cloud: localcloud.Options{Quota: 1, Burst: 1}}
	subtest(t, "enough is held", l, func(t *testing.T, r *rig) {
		r.cfg.MaxHeld, r.cfg.RateStart = 10, 1
		held := make(chan struct{})
		r.callsFail("*", &localcloud.Fault{Hold: held})
		r.cfg.CallTimeout = 10 * time.Minute
		r.sendNames("thing", 20)
		w := r.start()
		r.until("as much is held as may be", time.Minute, func() bool { return w.Status().Messages.Held == 10 })
		heal := r.sqsFails("ReceiveMessage", internalError)
		time.Sleep(5 * time.Minute)
		w.wantReady(true)
		heal()
		close(held)
		r.drained(5 * time.Minute)
		w.stopped()
	})
}
