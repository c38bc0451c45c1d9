package e2e

import (
	"runtime"
	"testing"
)

// A test whose time is virtual needs a processor for as long as it lasts; one whose
// time is real waits for processes and sockets. So that neither stands in line behind
// the other, all begin at once where -parallel allows, and go on as many at once of a
// kind as there is room for.
var (
	processors = make(chan struct{}, runtime.GOMAXPROCS(0))
	waiting    = make(chan struct{}, 12)
)

// inVirtualTime makes a test parallel whose time is virtual, its subtests and all.
func inVirtualTime(t *testing.T) {
	t.Parallel()
	hold(t, processors)
}

// inRealTime makes a test parallel whose time is real, and has no parallel subtests.
func inRealTime(t *testing.T) {
	t.Parallel()
	hold(t, waiting)
}

func hold(t *testing.T, room chan struct{}) {
	room <- struct{}{}
	t.Cleanup(func() { <-room })
}
