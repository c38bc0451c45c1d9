package timeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

var metrics = telemetry.NewMetrics()

// received is a message that is received for the first time.
func received(l *timeline.Log, id string) timeline.Message {
	r := timeline.Recorder{Metrics: metrics, Stories: l}
	return r.Received(message.Incoming{ID: id, SentAt: time.Now(), Receives: 1}, time.Now())
}

// applied tells the usual story.
func applied(l *timeline.Log, id string) {
	s := received(l, id)
	s.About("lamp-" + id)
	s.Called(timeline.Answer{Took: 50 * time.Millisecond, RequestID: "r-" + id})
	s.Ended(message.Applied, nil)
	s.Deleted()
}

func deadLettered(l *timeline.Log, id string) {
	s := received(l, id)
	s.About("lamp-" + id)
	s.Called(timeline.Answer{Took: 50 * time.Millisecond, Code: "ValidationException", Detail: "HTTP 400: no", RequestID: "r-" + id})
	s.Ended(message.DeadLettered, &message.Failure{Reason: message.Rejected, Code: "ValidationException", Detail: "HTTP 400: no"})
	s.Deleted()
}

func TestFailedStoriesOutliveRecentOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := timeline.New(timeline.Options{Recent: 10, Failed: 10})
		deadLettered(l, "bad")
		for n := range 100 {
			time.Sleep(time.Second)
			applied(l, fmt.Sprint(n))
		}
		if _, ok := l.Find("89"); ok {
			t.Error("the 11th before the end is still remembered")
		}
		if _, ok := l.Find("90"); !ok {
			t.Error("the 10th before the end is forgotten")
		}
		if told, ok := l.Find("bad"); !ok || told.Outcome != "dead_lettered" || told.Thing != "lamp-bad" {
			t.Errorf("the failed one: %+v, %v", told, ok)
		}
		failed := l.Latest(100, true)
		if len(failed) != 1 || failed[0].ID != "bad" || failed[0].Reason != "rejected" || failed[0].Code != "ValidationException" {
			t.Errorf("failed: %+v", failed)
		}
		if all := l.Latest(5, false); len(all) != 5 || all[0].ID != "99" || !all[0].At.After(all[1].At) {
			t.Errorf("the latest: %+v", all)
		}
	})
}

func TestAMessageThatComesAgainGoesOnWithItsStory(t *testing.T) {
	l := timeline.New(timeline.Options{})
	s := received(l, "m")
	s.LeaseLost()
	s.Ended(message.Released, nil)
	if failed := l.Latest(10, true); len(failed) != 1 || failed[0].Outcome != "released" {
		t.Errorf("lost: %+v", failed)
	}
	applied(l, "m")
	told, _ := l.Find("m")
	var whats []string
	for _, step := range told.Events {
		whats = append(whats, step.What)
	}
	if got := strings.Join(whats, ", "); got != "received, lease lost, released, received, call, applied, deleted" {
		t.Errorf("the story: %s", got)
	}
	if told.Outcome != "applied" || len(l.Latest(10, true)) != 0 {
		t.Errorf("it ended as %s and is among the failed: %v", told.Outcome, l.Latest(10, true))
	}
}

func TestALongStoryKeepsItsBeginningAndItsEnd(t *testing.T) {
	l := timeline.New(timeline.Options{})
	s := received(l, "m")
	for n := range 1000 {
		s.Called(timeline.Answer{Code: "timeout", Detail: fmt.Sprint("try ", n)})
		s.Waits(timeline.ForAnother, time.Second, "")
		if n%10 == 0 {
			s.LeaseRenewed(time.Minute)
		}
	}
	s.Ended(message.Applied, nil)
	told, _ := l.Find("m")
	if n := len(told.Events); n > 33 {
		t.Errorf("%d events are kept", n)
	}
	text := fmt.Sprint(told.Events)
	for _, want := range []string{"for the first time", "try 0", "try 999", "more events that are not kept", "applied"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

func TestRenewalsDoNotPartWhatBelongsTogether(t *testing.T) {
	l := timeline.New(timeline.Options{})
	s := received(l, "m")
	for range 10 {
		for range 5 {
			s.Called(timeline.Answer{Code: "timeout"})
		}
		s.LeaseRenewed(time.Minute)
	}
	told, _ := l.Find("m")
	if len(told.Events) != 3 || !strings.Contains(told.Events[1].Detail, " 50 times since") || !strings.Contains(told.Events[2].Detail, " 10 times since") {
		t.Errorf("%+v", told.Events)
	}
}

func TestTheSameFailureAgainTakesNoFurtherRoom(t *testing.T) {
	l := timeline.New(timeline.Options{})
	s := received(l, "m")
	for range 500 {
		s.Called(timeline.Answer{Result: telemetry.CallThrottled, Code: "ThrottlingException", RequestID: "r"})
		s.Again(2 * time.Second)
	}
	told, _ := l.Find("m")
	if len(told.Events) != 2 || !strings.Contains(told.Events[1].Detail, "500 times since ") || !strings.Contains(told.Events[1].Detail, "no failure of the message") {
		t.Errorf("%+v", told.Events)
	}
	if failed := l.Latest(10, true); len(failed) != 0 {
		t.Errorf("a throttled message is among the failed: %v", failed)
	}
}

func TestARepeatedMergedCallReadsInOrder(t *testing.T) {
	l := timeline.New(timeline.Options{})
	s := received(l, "m")
	for range 2 {
		s.Called(timeline.Answer{Others: 1, Code: "timeout"})
	}
	told, _ := l.Find("m")
	if got := told.Events[1].Detail; !strings.HasPrefix(got, "sent to the API 2 times since ") || !strings.HasSuffix(got, ", merged with 1 other message for the thing into one call; the last failed after 0s: timeout") {
		t.Error(got)
	}
}

// TestMemoryIsBounded tells far more than there is room for, in every way, and
// looks at what the whole process holds.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 1 << 20
	l := timeline.New(timeline.Options{Recent: 100_000, Failed: 100_000, Bytes: limit})
	random := rand.New(rand.NewPCG(1, 2))
	held := make([]timeline.Message, 0, 20_000)
	before := inUse()
	for n := range 50_000 {
		id := fmt.Sprintf("3f9b2c1e-7a6d-4c0f-9e8b-%012d", n)
		switch random.IntN(4) {
		case 0:
			applied(l, id)
		case 1:
			deadLettered(l, id)
		case 2:
			s := received(l, id)
			s.About(strings.Repeat("x", 36))
			s.ID = "" // only its story keeps it
			held = append(held, s)
		case 3:
			if len(held) > 0 {
				s := &held[random.IntN(len(held))]
				s.Called(timeline.Answer{Code: "timeout", Detail: strings.Repeat("y", random.IntN(1000))})
				s.LeaseRenewed(time.Minute)
			}
		}
	}
	if grown := inUse() - before; grown > 2*limit {
		t.Errorf("%d KiB in use, with %d KiB allowed", grown>>10, limit>>10)
	}
	for i := range held { // whatever was taken down of them, each may go on and end
		s := &held[i]
		s.Ended(message.Applied, nil)
		s.Deleted()
	}
	applied(l, "the last")
	if _, ok := l.Find("the last"); !ok {
		t.Error("there is no room for a new story although all are finished")
	}
	runtime.KeepAlive(l)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestNothingIsRememberedWithoutALog(t *testing.T) {
	var l *timeline.Log
	applied(l, "m")
	deadLettered(l, "m")
	if _, ok := l.Find("m"); ok || len(l.Latest(1, false)) != 0 {
		t.Error("something is")
	}
}

func TestThePageReadsTheseNames(t *testing.T) {
	l := timeline.New(timeline.Options{})
	deadLettered(l, "m")
	told, _ := l.Find("m")
	for name, got := range map[string]any{"a story": told, "a list": l.Latest(10, true)} {
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{`"id":"m"`, `"thing":"lamp-m"`, `"outcome":"dead_lettered"`}
		if name == "a story" {
			names = append(names, `"events":[{"at":"`, `"what":"received"`, `"detail":"`)
		} else {
			names = append(names, `"reason":"rejected"`, `"code":"ValidationException"`, `"at":"`)
		}
		for _, want := range names {
			if !bytes.Contains(raw, []byte(want)) {
				t.Errorf("%s: no %s in %s", name, want, raw)
			}
		}
	}
	if raw, _ := json.Marshal(timeline.New(timeline.Options{}).Latest(10, true)); string(raw) != "[]" {
		t.Errorf("none: %s", raw)
	}
}

func BenchmarkAppliedMessage(b *testing.B) {
	l := timeline.New(timeline.Options{})
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("3f9b2c1e-7a6d-4c0f-9e8b-%012d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		applied(l, ids[i%len(ids)])
	}
}
