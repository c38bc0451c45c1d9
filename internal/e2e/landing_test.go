package e2e

import (
	"net/http"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// A call times out, the same values are sent again and set, a newer value follows;
// then the first call lands on top of it.
func TestACallThatLandsAfterItsOwnRepetitionDoesNotBringItsValueBack(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.onCall("a", sequence(&localcloud.Fault{Delay: hang, ApplyLate: 15 * time.Second}))
		w := r.start()
		r.send(name("a", "old"))
		r.drained(time.Minute)
		r.send(name("a", "new"))
		r.drained(time.Minute)
		time.Sleep(time.Minute)
		r.wantMember("a", "Name", `"new"`)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
}

// The call that is to make sure of a value carries a newer one by now, and its own
// outcome is unknown: it may land on what follows it.
func TestTheCallThatMakesSureMayItselfLandLate(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.onCall("a", sequence(
			&localcloud.Fault{Delay: hang, ApplyLate: 12 * time.Second}, // first
			nil, // second, which may be overwritten by first
			&localcloud.Fault{ApplyLate: 8 * time.Second}, // third, in place of second's repetition
		))
		w := r.start()
		r.send(name("a", "first"))
		time.Sleep(5 * time.Second)
		r.send(name("a", "second"))
		time.Sleep(7 * time.Second)
		r.send(name("a", "third"))
		r.until("the third is sent", time.Minute, func() bool { return len(r.calls("a")) >= 3 })
		r.send(name("a", "fourth"))
		r.drained(5 * time.Minute)
		time.Sleep(time.Minute)
		r.wantMember("a", "Name", `"fourth"`)
		w.stopped()
	})
}

// Where the API merges keys, an older update of other keys comes after a newer one
// and its call has to be repeated: once it is set it is done with.
func TestALateUpdateOfOtherKeysIsNotSentAgainAndAgain(t *testing.T) {
	l := layout{
		cloud:    localcloud.Options{Latency: 20 * time.Millisecond},
		settings: func(c *config.Config) { c.MemberSemantics = config.SemanticsMerge },
	}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		broken := &localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalServerException", BreakAfter: true}
		r.onCall("a", sequence(nil, broken))
		w := r.start()
		now := time.Now()
		r.sendAt(now, `{"Identifier":"a","MetaData":{"room":"hall"}}`)
		r.drained(time.Minute)
		r.sendAt(now.Add(-time.Minute), `{"Identifier":"a","MetaData":{"room":"cellar","floor":"1"}}`)
		r.drained(time.Minute)
		r.wantMember("a", "MetaData", `{"floor":"1","room":"hall"}`)
		if n := len(r.calls("a")); n > 4 {
			t.Errorf("%d calls", n)
		}
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2})
	})
}

// A late update sets one member, and its value of another, whose keys nobody can
// merge, is dropped: it counts among those that were dropped.
func TestAnUpdateThatIsDroppedInPartIsCountedApart(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		now := time.Now()
		r.sendAt(now, `{"Identifier":"a","MetaData":{"room":"hall"}}`)
		r.drained(time.Minute)
		r.sendAt(now.Add(-time.Minute), `{"Identifier":"a","MetaData":{"floor":"1"},"Name":"late"}`)
		r.drained(time.Minute)
		r.wantMember("a", "MetaData", `{"room":"hall"}`)
		r.wantMember("a", "Name", `"late"`)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Unsure: 1})
	})
}
