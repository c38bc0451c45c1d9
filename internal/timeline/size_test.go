package timeline_test

import (
	"fmt"
	"runtime"
	"testing"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// What the stories of held messages take is what is counted, however short they are:
// within a quarter more.
func TestWhatIsCountedIsWhatTheStoriesTake(t *testing.T) {
	const limit = 2 << 20
	for name, events := range map[string]int{"received alone": 0, "called 4 times": 4, "called 40 times": 40} {
		l := timeline.New(timeline.Options{Bytes: limit})
		before := inUse()
		for n := range 20_000 { // far more than there is room for
			s := received(l, fmt.Sprintf("3f9b2c1e-7a6d-4c0f-9e8b-%012d", n))
			s.About("3f9b2c1e7a6d4c0f9e8b7a6c00000001")
			for i := range events {
				s.Called(timeline.Answer{Others: i, Code: "timeout"})
			}
		}
		if grown := inUse() - before; grown > limit*5/4 {
			t.Errorf("%s: %d KiB in use, with %d KiB allowed", name, grown>>10, limit>>10)
		}
		runtime.KeepAlive(l)
	}
}

// TestAsManyStoriesAreKeptAsTheBytesAllow has 2,000 messages that were applied and 1,000
// that failed eight times, which the memory of a worker with the default settings holds.
func TestAsManyStoriesAreKeptAsTheBytesAllow(t *testing.T) {
	l := timeline.New(timeline.Options{Bytes: 4 << 20})
	id := func(kind string, n int) string { return fmt.Sprintf("%s-7a6d-4c0f-9e8b-%012d", kind, n) }
	for n := range 1000 {
		s := received(l, id("failed00", n))
		for i := range 8 {
			s.Called(timeline.Answer{Others: i, Code: "timeout"})
		}
		s.Ended(message.DeadLettered, &message.Failure{Reason: message.Exhausted})
	}
	for n := range 2000 {
		s := received(l, id("applied0", n))
		s.Called(timeline.Answer{})
		s.Ended(message.Applied, nil)
		s.Deleted()
	}
	kept := func(kind string, of int) (n int) {
		for i := range of {
			if _, ok := l.Find(id(kind, i)); ok {
				n++
			}
		}
		return n
	}
	if failed, applied := kept("failed00", 1000), kept("applied0", 2000); failed < 1000 || applied < 2000 {
		t.Errorf("kept %d of 1000 that failed and %d of 2000 that were applied", failed, applied)
	}
}
