package kubernetes

import (
	"fmt"
	"testing"
)

// proves prints what a test has proved, a line of its own, once it has passed.
func proves(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() && !t.Skipped() {
			fmt.Printf("kubernetes: "+format+"\n", args...)
		}
	})
}
