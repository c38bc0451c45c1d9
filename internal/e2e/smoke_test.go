package e2e

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestAMessageIsAppliedAndDeleted(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(`{"Identifier":"a:b-1","Name":"Hall light","MetaData":{"room":"hall"}}`)
		r.drained(time.Minute)
		r.wantMember("a:b-1", "Name", `"Hall light"`)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		r.wantCalls("", 1)
	})
}

func TestABacklogIsMergedThroughANarrowDoor(t *testing.T) {
	inBubble(t, layout{cloud: localcloud.Options{Quota: 10}}, func(t *testing.T, r *rig) {
		r.cfg.RateStart = 10
		for n := range 1000 {
			r.send(name(fmt.Sprintf("thing-%d", n%50), fmt.Sprintf("n%d", n)))
			time.Sleep(time.Millisecond)
		}
		w := r.start()
		r.drained(10 * time.Minute)
		w.stopped()
		for n := 950; n < 1000; n++ {
			r.wantMember(fmt.Sprintf("thing-%d", n%50), "Name", fmt.Sprintf(`"n%d"`, n))
		}
		if calls := len(r.calls("")); calls > 400 {
			t.Errorf("%d calls for 1000 messages of 50 things", calls)
		}
	})
}

func TestABrokenMessageIsDeadLetteredWithItsReason(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(`{"Identifier":"x","Nmae":"Hall"}`)
		r.drained(time.Minute)
		w.stopped()
		l := r.oneLetter(message.InvalidMessage)
		if l.Body != `{"Identifier":"x","Nmae":"Hall"}` || len(l.Failure.Faults) != 1 || l.Failure.Faults[0].Pointer != "/Nmae" {
			t.Errorf("letter: %+v", l)
		}
	})
}
