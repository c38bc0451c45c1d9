package app

import (
	"runtime"
	"syscall"
	"testing"
)

// What has been allocated and freed before lies where the ballast may come to lie.
func TestBallastIsNotTouched(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	const size = 256 << 20
	for range 20 {
		garbage := make([][]byte, 64)
		for i := range garbage {
			garbage[i] = make([]byte, 40<<10)
		}
		runtime.KeepAlive(garbage)
		runtime.GC()
		before := pagesTouched(t)
		kept := ballast(size)
		touched := (pagesTouched(t) - before) * int64(syscall.Getpagesize())
		runtime.KeepAlive(kept)
		if got := int64(len(kept)) * ballastPiece; got != size {
			t.Fatalf("the ballast has %d bytes, want %d", got, size)
		}
		if touched > size/4 {
			t.Fatalf("making a ballast of %d bytes touched %d of them", size, touched)
		}
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
