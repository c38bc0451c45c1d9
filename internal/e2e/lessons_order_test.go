package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// What users of other queue consumers reported about order, duplicates and dead
// letters; the number is the lesson's.

func TestLesson25_InFIFOOnlyTheFailedGroupStops(t *testing.T) {
	inBubble(t, layout{fifo: true}, func(t *testing.T, r *rig) {
		heal := r.callsFail("thing-0", status(http.StatusServiceUnavailable, "ServiceUnavailableException"))
		const things, each = 5, 12
		w := r.start()
		for n := range each {
			for i := range things {
				thing := fmt.Sprintf("thing-%d", i)
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(thing, fmt.Sprintf("n%d", n)), GroupID: thing})
			}
			time.Sleep(time.Second)
		}
		r.until("the other groups are through", time.Minute, func() bool {
			return !slices.ContainsFunc(r.cloud.SQS.Messages(r.queue), func(m localcloud.Stored) bool { return m.GroupID != "thing-0" })
		})
		r.wantLeft(each)
		heal()
		r.drained(10 * time.Minute)
		w.stopped()
		for i := range things {
			thing := fmt.Sprintf("thing-%d", i)
			r.wantMember(thing, "Name", fmt.Sprintf(`"n%d"`, each-1))
			last := -1
			for _, c := range r.calls(thing) {
				var n int
				if _, err := fmt.Sscanf(c.Body[strings.Index(c.Body, `"n`):], `"n%d"`, &n); err != nil {
					t.Fatalf("%s: %v", c.Body, err)
				}
				if n < last {
					t.Errorf("%s: n%d was sent after n%d", thing, n, last)
				}
				last = n
			}
		}
		if letters := r.letters(); len(letters) != 0 {
			t.Errorf("letters: %v", letters)
		}
	})
}

func TestLesson26_ACrashBetweenClaimAndCompletionDoesNotBlockForLong(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.VisibilityTimeout = 30 * time.Second }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// The record outlives the worker, as a shared store does.
		store := thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: time.Hour, VersionTTL: time.Hour})
		shared := func(o *app.Options) { o.Store = store }
		called := make(chan struct{})
		r.cloud.Faults.OnCall = func(info localcloud.CallInfo) *localcloud.Fault {
			if info.N == 1 {
				close(called)
				return &localcloud.Fault{Delay: time.Second}
			}
			return nil
		}
		first, process := r.startMortal(shared)
		r.send(name("thing", "new"))
		<-called
		process.kill()
		crashed := time.Now()
		second := r.start(shared)
		r.until("the update is applied", 2*time.Minute, func() bool { return r.applied("thing") == 1 })
		if took, most := time.Since(crashed), r.cfg.VisibilityTimeout+r.cfg.CallTimeout; took > most {
			t.Errorf("applied %v after the crash, want at most %v", took, most)
		}
		r.drained(time.Minute)
		second.stopped()
		second.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		_ = first.stop()
	})
}

// A lease that a crashed owner left on the thing's record ends by itself, though
// the message comes at once.
func TestLesson26_ALeaseLeftBehindEndsByItself(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		store := thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: time.Hour, VersionTTL: time.Hour})
		lease := r.cfg.CallTimeout + 10*time.Second
		if _, _, err := store.Acquire(context.Background(), "thing", lease, nil); err != nil {
			t.Fatal(err)
		}
		w := r.start(func(o *app.Options) { o.Store = store })
		r.send(name("thing", "new"))
		r.sendNames("other", 3)
		time.Sleep(time.Second)
		r.wantAppliedOnce("other", 3)
		r.drained(lease + 5*time.Second)
		w.stopped()
		r.wantMember("thing", "Name", `"new"`)
		if n := len(r.calls("thing")); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestLesson27_PoisonDoesNotCrashLoopTheWorker(t *testing.T) {
	l := layout{settings: func(c *config.Config) {
		c.MaxReceives, c.VisibilityTimeout = 30, 30*time.Second
		c.RateStart = 10 // nothing overtakes the poison by luck
	}, cloud: localcloud.Options{Latency: 20 * time.Millisecond}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		died := make(chan struct{}, 1)
		r.cloud.Faults.OnCall = func(info localcloud.CallInfo) *localcloud.Fault {
			if info.Thing == "poison" {
				died <- struct{}{}
				return brokenBefore
			}
			return nil
		}
		r.send(name("poison", "new")) // first in line, so that it takes the others down with it
		const others = 9              // within its receive
		r.sendNames("thing", others)
		lives := 0
		for lives < 40 && r.cloud.SQS.Len(r.queue) > 0 {
			lives++
			w, process := r.startMortal()
			for alive := true; alive && r.cloud.SQS.Len(r.queue) > 0; {
				select {
				case <-died:
					process.kill()
					alive = false
				case <-time.After(time.Second):
				}
			}
			_ = w.stop() // the dead one cannot tell it
		}
		r.wantLeft(0)
		t.Logf("%d lives", lives)
		if l := r.oneLetter(message.ReceivedTooOften); !strings.Contains(l.Body, "poison") || l.Failure.Receives != 31 {
			t.Errorf("letter after %d receives: %s", l.Failure.Receives, l.Body)
		}
		for n := range others {
			r.wantMember(fmt.Sprintf("thing-%d", n), "Name", `"new"`)
		}
	})
}

func TestAMessageReceivedTooOftenIsNotCalled(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.MaxReceives = 2 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		heal := r.callsFail("*", brokenBefore)
		r.send(name("thing", "new"))
		for range 2 {
			w := r.start()
			time.Sleep(5 * time.Second)
			w.stopped()
		}
		heal()
		calls := len(r.calls(""))
		w := r.start()
		r.drained(time.Minute)
		w.stopped()
		l := r.oneLetter(message.ReceivedTooOften)
		if l.Failure.Receives != 3 || !strings.Contains(l.Failure.Detail, "WORKER_MAX_RECEIVES") || l.Body != name("thing", "new") {
			t.Errorf("letter: %+v", l)
		}
		if n := len(r.calls("")); n != calls {
			t.Errorf("%d calls for it", n-calls)
		}
	})
}

// A crash between the letter and the delete may leave a second letter, never none.
func TestLesson28_ACrashBetweenLetterAndDelete(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.VisibilityTimeout = 30 * time.Second }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		first, process := r.startMortal()
		id := r.send("unreadable")
		r.until("its letter is stored", time.Minute, func() bool { return len(r.letters()) == 1 })
		process.kill()
		r.wantLeft(1)
		second := r.start()
		r.drained(2 * time.Minute)
		second.stopped()
		_ = first.stop()
		for _, l := range r.letters() {
			if l.Failure.MessageID != id {
				t.Errorf("a letter of %s", l.Failure.MessageID)
			}
		}
	})
}

func TestLesson29_TheTraceHeaderSurvivesBesideTenAttributes(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
		attributes := map[string]localcloud.Attribute{}
		for n := range 10 {
			attributes[fmt.Sprintf("a%d", n)] = localcloud.Attribute{DataType: "String", StringValue: fmt.Sprint(n)}
		}
		w := r.start()
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: "unreadable", Attributes: attributes, TraceHeader: trace})
		r.drained(time.Minute)
		w.stopped()
		letters := r.letters()
		if len(letters) != 1 {
			t.Fatalf("%d letters, want 1", len(letters))
		}
		if letters[0].TraceHeader != trace {
			t.Errorf("the trace header is %q", letters[0].TraceHeader)
		}
		for name, want := range attributes {
			if got := letters[0].Attributes[name]; got.StringValue != want.StringValue {
				t.Errorf("attribute %s is %+v", name, got)
			}
		}
		if n := len(letters[0].Attributes); n != 10 {
			t.Errorf("%d attributes", n)
		}
	})
}

func TestLesson30_AnOldLetterMovedBackDoesNotOverwriteToday(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		const week = 7 * 24 * time.Hour
		store := thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: 24 * time.Hour, VersionTTL: 5 * week})
		remembers := func(o *app.Options) { o.Store = store }
		r.cloud.Things.Remove("thing")
		first := r.start(remembers)
		r.send(`{"Identifier":"thing","Name":"last week","HubNetworkMode":"STANDARD"}`)
		r.drained(5 * time.Minute)
		first.stopped()
		l := r.oneLetter(message.NotFound)

		time.Sleep(week)
		r.cloud.Things.Create("thing")
		second := r.start(remembers)
		r.send(name("thing", "today"))
		r.drained(time.Minute)
		// What a tool moves: body and attributes, with a new id and sent time.
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: l.Body, Attributes: l.Attributes})
		r.drained(time.Minute)
		second.stopped()
		r.wantMember("thing", "Name", `"today"`)
		r.wantMember("thing", "HubNetworkMode", `"STANDARD"`) // nobody has set that since
		if n := len(r.letters()); n != 1 {
			t.Errorf("%d letters, want the first alone", n)
		}
		// And one with nothing but old news, known by its time alone.
		r.cloud.SQS.Send(r.queue, localcloud.Message{
			Body: name("thing", "older"), Attributes: map[string]localcloud.Attribute{"OccurredAt": l.Attributes["OccurredAt"]},
		})
		third := r.start(remembers)
		r.drained(time.Minute)
		third.stopped()
		third.wantOutcomes(map[message.Outcome]int{message.Superseded: 1})
		r.wantMember("thing", "Name", `"today"`)
	})
}
