package app

import (
	"os"
	"runtime"
	"strconv"
)

// useOneProcessor has the process, which is the worker's, run its Go code on one CPU,
// if GOMAXPROCS does not say otherwise.
//
// One is enough for some 5,000 calls a second, of which the service grants 10. A
// second one would cost a message a tenth more CPU: what one goroutine hands to the
// next moves from one CPU's cache to the other's, and idle processors look for work.
// On a node of 64 CPUs Go would set up 64 processors, and collect garbage on 16 of
// them at once; under a limit of a quarter of a CPU, two processors use it up in half
// the time, and leases wait for the next slice.
func useOneProcessor() {
	if n, err := strconv.Atoi(os.Getenv("GOMAXPROCS")); err != nil || n < 1 { // Go reads over these too
		runtime.GOMAXPROCS(1)
	}
}
