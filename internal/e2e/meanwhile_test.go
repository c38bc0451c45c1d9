package e2e

import (
	"sync"
	"testing"
)

var processor sync.Mutex

// meanwhile has a long test run beside those that wait in real time, for processes
// and sockets, and leave the processor idle; of its kind one at a time.
func meanwhile(t *testing.T) {
	t.Parallel()
	processor.Lock()
	t.Cleanup(processor.Unlock)
}
