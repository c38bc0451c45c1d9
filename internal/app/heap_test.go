package app

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// A process makes one ballast, and where that lies depends on what was allocated
// and freed before: each try is a process of its own, on one processor, as the
// worker is. There nothing but the making itself keeps the ballast from being cleared.
func TestBallastIsNotTouched(t *testing.T) {
	const alone = "BALLAST_TEST_ALONE"
	if os.Getenv(alone) != "" {
		makeBallast(t)
		return
	}
	for range 5 {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBallastIsNotTouched$")
		again.Env = append(os.Environ(), alone+"=1", "GOMAXPROCS=1", "GOGC=", "GOMEMLIMIT=")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

func makeBallast(t *testing.T) {
	const size = 256 << 20
	garbage := make([][]byte, 64)
	for i := range garbage {
		garbage[i] = make([]byte, 40<<10)
	}
	runtime.KeepAlive(garbage)
	runtime.GC()
	before := pagesTouched(t)
	kept := ballast(size - 1)
	touched := (pagesTouched(t) - before) * int64(syscall.Getpagesize())
	runtime.KeepAlive(kept)
	if got := int64(len(kept)) * ballastPiece; got != size {
		t.Fatalf("the ballast has %d bytes, want %d", got, size)
	}
	if touched > size/4 {
		t.Fatalf("making a ballast of %d bytes touched %d of them", size, touched)
	}
}

// pagesTouched counts the pages that this process touched for the first time.
func pagesTouched(t *testing.T) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return int64(usage.Minflt)
}
