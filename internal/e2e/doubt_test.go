package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

func mergeSemantics(c *config.Config) { c.MemberSemantics = config.SemanticsMerge }

func TestEmptyMapsThatAreRefusedBecomeLetters(t *testing.T) {
	for _, member := range []string{`"WiFiSimpleSetupConfiguration":{}`, `"CapabilitySchemas":[]`} {
		for reason, fault := range map[message.Reason]*localcloud.Fault{
			message.Rejected: status(400, "ValidationException"),
			message.NotFound: status(404, "ResourceNotFoundException"),
		} {
			subtest(t, fmt.Sprintf("%s %s", member, reason), layout{settings: mergeSemantics}, func(t *testing.T, r *rig) {
				refuses(r, member, fault)
				w, open := r.gate("a")
				body := `{"Identifier":"a",` + member + `}`
				r.send(body)
				time.Sleep(time.Millisecond)
				r.send(body)
				open()
				r.withTraffic(200*time.Millisecond, func() {
					r.until("both have a letter", 10*time.Minute, func() bool { return len(r.letters()) == 2 })
				})
				r.drained(time.Minute)
				w.stopped()
				for _, l := range r.letters() {
					if l.Failure.Reason != reason {
						r.t.Errorf("a letter with %s, want %s", l.Failure.Reason, reason)
					}
				}
			})
		}
	}
}

func TestEmptyMapsTakeOneCall(t *testing.T) {
	inBubble(t, layout{settings: mergeSemantics}, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		w, open := r.gate("a")
		for _, value := range []string{`{}`, `{"TimeoutInMinutes":6}`, `{}`} {
			r.send(put("a", "WiFiSimpleSetupConfiguration", value))
			time.Sleep(time.Millisecond)
		}
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", 2)
		r.wantMember("a", "WiFiSimpleSetupConfiguration", `{"TimeoutInMinutes":6}`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 4})
	})
}

// A call of unknown outcome carried two keys. Two updates that set one each are sent
// together, and then apart when they are sent again: both keys are sent again.
func TestEachKeyInDoubtIsSentAgainWhenUpdatesAreTakenApart(t *testing.T) {
	l := layout{settings: mergeSemantics, cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		// The first call lands late; the third one, which makes sure, is refused.
		r.onCall("a", sequence(hangsAndLands(18*time.Second), nil, html(413)))
		w := r.start()
		r.send(put("a", "MetaData", `{"x":"old","y":"old"}`))
		time.Sleep(time.Second)
		r.send(put("a", "MetaData", `{"x":"new"}`))
		r.send(put("a", "MetaData", `{"y":"new"}`))
		r.drained(5 * time.Minute)
		time.Sleep(time.Minute)
		w.stopped()
		r.wantMember("a", "MetaData", `{"x":"new","y":"new"}`)
		r.wantNoLetters()
	})
}

// Where the API merges keys, a call of unknown outcome harms only the keys that it
// carried: a value of other keys is settled at once.
func TestACallOfUnknownOutcomeIsNoDoubtOfOtherKeys(t *testing.T) {
	l := layout{settings: mergeSemantics, cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		r.onCall("a", sequence(hangsAndLands(18*time.Second), status(400, "ValidationException")))
		w := r.start()
		const wifi = "WiFiSimpleSetupConfiguration"
		r.send(put("a", wifi, `{"TimeoutInMinutes":6}`))
		r.drained(time.Minute) // a letter: the second call is refused
		r.send(put("a", wifi, `{"EnableAsProvisionee":true}`))
		r.drained(5 * time.Second)
		r.send(put("a", wifi, `{}`)) // sets nothing, and clears no doubt
		r.drained(5 * time.Second)
		r.send(put("a", wifi, `{"TimeoutInMinutes":7}`))
		r.drained(time.Minute)
		time.Sleep(time.Minute)
		w.stopped()
		r.wantMember("a", wifi, `{"EnableAsProvisionee":true,"TimeoutInMinutes":7}`)
	})
}

func TestAProducersRepetitionOfASupersededUpdateIsADuplicate(t *testing.T) {
	event := func(n int, to string) localcloud.Message {
		return localcloud.Message{
			Body:       name("a", to),
			Attributes: map[string]localcloud.Attribute{"DeduplicationId": text(fmt.Sprint("event-", n))},
		}
	}
	subtest(t, "superseded by what waited beside it", layout{}, func(t *testing.T, r *rig) {
		w, open := r.gate("a")
		r.cloud.SQS.Send(r.queue, event(1, "old"))
		time.Sleep(time.Millisecond)
		r.cloud.SQS.Send(r.queue, event(2, "new"))
		open()
		r.drained(time.Minute)
		r.settled(event(1, "old")) // its send was not answered
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Superseded: 1, message.Duplicate: 1})
	})
	subtest(t, "superseded by what was applied", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		now := time.Now()
		late := event(1, "old")
		late.SentAt = now.Add(-time.Minute)
		r.sendAt(now, name("a", "new"))
		r.drained(time.Minute)
		r.settled(late)
		r.settled(event(1, "old"))
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Superseded: 1, message.Duplicate: 1})
	})
}

// A was applied and recorded, and the worker does not know it: what goes out in its
// turn is B, whose value was not marked.
func TestACallCarriesOnlyWhatWasMarked(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		hangs := true
		r.onCall("a", func(_ int, body string) *localcloud.Fault {
			switch {
			case strings.Contains(body, `"A"`) && strings.Contains(body, `"old"`):
				return html(413) // taken apart
			case strings.Contains(body, `"A"`):
				store.lost.Store(true)
			case strings.Contains(body, `"old"`) && hangs:
				hangs = false
				return hangsAndLands(18 * time.Second)
			}
			return nil
		})
		hold := make(chan struct{})
		r.onCall("a", first(1, &localcloud.Fault{Hold: hold}))
		w := r.start(on(store))
		r.send(put("a", "HubNetworkMode", `"STANDARD"`))
		r.until("the first call is under way", time.Minute, func() bool { return len(r.calls("a")) == 1 })
		r.send(name("a", "A"))
		time.Sleep(time.Millisecond)
		r.send(put("a", "Brand", `"old"`))
		r.taken(w)
		close(hold)
		r.until("the answer to A's end is lost", time.Minute, store.lost.Load)
		time.Sleep(10500 * time.Millisecond) // so long is it tried to record it
		store.lost.Store(false)
		old := func() bool { b := r.bodies("a"); return b[len(b)-1] == `{"Brand":"old"}` }
		r.until("B is sent", time.Minute, old)
		time.Sleep(11 * time.Second) // and given up
		r.send(put("a", "Brand", `"new"`))
		r.drained(5 * time.Minute)
		time.Sleep(time.Minute)
		w.stopped()
		r.wantMember("a", "Brand", `"new"`)
	})
}

// Both members are marked before the record says that one of them is old.
func TestACallOfUnknownOutcomeLeavesNoDoubtOfWhatItDidNotSend(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		store := thingstate.NewMemory(thingstate.MemoryOptions{})
		r.onCall("a", func(n int, _ string) *localcloud.Fault {
			if n == 2 {
				return html(504)
			}
			return nil
		})
		w := r.start(on(store))
		now := time.Now()
		r.sendAt(now, put("a", "Brand", `"new"`))
		r.drained(time.Minute)
		r.sendAt(now.Add(-time.Minute), `{"Identifier":"a","Name":"n","Brand":"old"}`)
		r.until("it is sent again", time.Minute, func() bool { return r.applied("a") == 2 })
		time.Sleep(time.Second) // it waits to be sent once more
		known, _, err := store.Acquire(t.Context(), "a", time.Millisecond, nil)
		if err != nil {
			t.Fatal(err)
		}
		var marked []string
		for _, mark := range known.Marks {
			marked = append(marked, mark.Member)
		}
		if !slices.Equal(marked, []string{"Name"}) {
			t.Errorf("in doubt are %v, want Name alone", marked)
		}
		r.drained(5 * time.Minute)
		w.stopped()
	})
}

// The store answers slowly, so that a call starts long after it was marked.
func TestTheTimeToLandIsCountedFromTheStartOfTheCall(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		store.slowBy(3900 * time.Millisecond)
		r.onCall("a", sequence(hangsAndLands(18*time.Second)))
		w := r.start(on(store))
		began := time.Now()
		r.send(name("a", "old"))
		r.until("it is sent again and settled", 20*time.Second, func() bool { return r.cloud.SQS.Len(r.queue) == 0 })
		store.slowBy(0)
		time.Sleep(time.Until(began.Add(20200 * time.Millisecond)))
		r.send(name("a", "old"))
		time.Sleep(time.Until(began.Add(21 * time.Second)))
		r.send(name("a", "new"))
		r.drained(5 * time.Minute)
		time.Sleep(time.Minute)
		w.stopped()
		r.wantMember("a", "Name", `"new"`)
	})
}

// The lease cannot be renewed, and runs out while the store is slow.
func TestNoCallStartsOnALeaseThatRanOutWhileTheStoreWasAsked(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.VisibilityTimeout, c.WaitTime = 10*time.Second, 100*time.Millisecond }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		store := newFaultyStore()
		began := time.Now()
		unwell := func(int, string) *localcloud.Fault {
			if time.Since(began) > time.Second && time.Since(began) < 30*time.Second {
				return status(503, "ServiceUnavailable")
			}
			return nil
		}
		r.onSQS("ChangeMessageVisibilityBatch", unwell)
		r.onSQS("ReceiveMessage", unwell)
		hold := make(chan struct{})
		r.onCall("a", first(1, &localcloud.Fault{Hold: hold}))
		w := r.start(on(store))
		r.send(put("a", "HubNetworkMode", `"STANDARD"`))
		time.Sleep(100 * time.Millisecond)
		r.send(name("a", "new"))
		time.Sleep(8 * time.Second)
		store.slowBy(4 * time.Second)
		close(hold)
		r.until("it is applied", time.Minute, func() bool { return r.applied("a") == 2 })
		if after := r.calls("a")[1].At.Sub(began); after < 30*time.Second {
			t.Errorf("a call started after %v, on a lease that ran out after 10 s", after)
		}
		store.slowBy(0)
		w.stopped()
	})
}

func TestAChangeFromReplaceToMergeKeepsTheFence(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.MemberSemantics = config.SemanticsReplace }}, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		store := thingstate.NewMemory(thingstate.MemoryOptions{})
		now := time.Now()
		w := r.start(on(store))
		r.sendAt(now, put("a", "MetaData", `{"k":"new"}`))
		r.drained(time.Minute)
		w.stopped()
		r.cfg.MemberSemantics = config.SemanticsMerge
		w = r.start(on(store))
		r.sendAt(now.Add(-time.Minute), put("a", "MetaData", `{"k":"old"}`))
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "MetaData", `{"k":"new"}`)
		w.wantOutcomes(map[message.Outcome]int{message.Superseded: 1})
	})
}
