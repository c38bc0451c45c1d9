package e2e

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// Nobody can keep the others waiting. That a hot thing cannot is among the courses.

// flooded sends a flood before and behind the one message that has to come through,
// and returns how long its thing's update took.
func flooded(t *testing.T, flood func(n int) localcloud.Message) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotaRun(t, ourOwn, 1, 10)
		for n := range 3000 {
			q.cloud.SQS.Send(q.queue, flood(n))
		}
		q.replicas(1)
		time.Sleep(10 * time.Second)
		sent := time.Now()
		q.cloud.SQS.Send(q.queue, localcloud.Message{Body: name("quiet", "x"), GroupID: "quiet-tenant"})
		for n := range 3000 {
			q.cloud.SQS.Send(q.queue, flood(3000+n))
		}
		q.until("the quiet one is updated", 10*time.Minute, func() bool { _, ok := q.cloud.Things.Get("quiet"); return ok })
		took = time.Since(sent)
		q.workers[0].stop()
	})
	return took
}

func TestATenantThatFloodsTheQueueKeepsNoOtherWaiting(t *testing.T) {
	inVirtualTime(t)
	took := flooded(t, func(n int) localcloud.Message {
		return localcloud.Message{Body: name(fmt.Sprint("noisy-", n), "x"), GroupID: "noisy-tenant"}
	})
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAFloodOfMessagesThatNeedNoCallKeepsNoneWaiting(t *testing.T) {
	inVirtualTime(t)
	for kind, body := range map[string]string{"invalid": `{"Identifier":"a","Nmae":"x"}`, "unchanged": `{"Identifier":"a"}`} {
		t.Run(kind, func(t *testing.T) {
			took := flooded(t, func(int) localcloud.Message { return localcloud.Message{Body: body} })
			if took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAFloodForOneThingKeepsNoOtherWaiting(t *testing.T) {
	inVirtualTime(t)
	took := flooded(t, func(n int) localcloud.Message { return localcloud.Message{Body: name("hot", fmt.Sprint(n))} })
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
