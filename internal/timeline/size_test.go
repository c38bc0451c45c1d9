package timeline_test

import (
	"fmt"
	"runtime"
	"testing"

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
