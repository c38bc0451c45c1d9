package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// Nobody can keep the others waiting. That a hot thing cannot is among the courses.

// flooded sends a flood before and behind the one message that has to come through,
// and returns how long its thing's update took.
func flooded(t *testing.T, flood func(n int) localcloud.Message) (took time.Duration) {
	inBubble(t, ofQuota(10), func(t *testing.T, r *rig) {
		for n := range 3000 {
			r.cloud.SQS.Send(r.queue, flood(n))
		}
		w := r.start()
		time.Sleep(10 * time.Second)
		sent := time.Now()
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("quiet", "x"), GroupID: "quiet-tenant"})
		for n := range 3000 {
			r.cloud.SQS.Send(r.queue, flood(3000+n))
		}
		r.until("the quiet one is updated", 10*time.Minute, func() bool { _, ok := r.cloud.Things.Get("quiet"); return ok })
		took = time.Since(sent)
		_ = w.stop()
	})
	return took
}

func TestATenantThatFloodsTheQueueKeepsNoOtherWaiting(t *testing.T) {
	took := flooded(t, func(n int) localcloud.Message {
		return localcloud.Message{Body: name(fmt.Sprint("noisy-", n), "x"), GroupID: "noisy-tenant"}
	})
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAFloodOfMessagesThatNeedNoCallKeepsNoneWaiting(t *testing.T) {
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
	took := flooded(t, func(n int) localcloud.Message { return localcloud.Message{Body: name("hot", fmt.Sprint(n))} })
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
