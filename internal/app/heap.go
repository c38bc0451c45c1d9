package app

import "os"

// ballast makes garbage collection rarer while it is kept alive. It is not
// touched, so it takes up next to no memory of the machine.
//
// Go collects when the heap has doubled (GOGC=100). What is live in a worker is a
// few MiB, and garbage comes at some 15 KiB a message, so a busy one would spend a
// third of its CPU on collecting. With the ballast the heap doubles later, at the
// price of its size at most, whatever is live. A higher GOGC would multiply what
// is live when that is much, and a memory limit would collect without end when
// more is live than it allows.
//
// It is as large as the bodies that may be held, so WORKER_MAX_HELD_BYTES bounds
// the memory as a whole. It is nil if GOGC or GOMEMLIMIT is
// set: then you have decided.
func ballast(maxHeldBytes int64) [][]byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	pieces := make([][]byte, (maxHeldBytes+ballastPiece-1)/ballastPiece)
	for i := range pieces {
		pieces[i] = make([]byte, ballastPiece)
	}
	return pieces
}

// ballastPiece is the size of a piece. Go clears, and so touches, all of a slice that
// lies in part where something was before. One large slice often does, and would be
// cleared whole: 64 MiB took 48 ms and as much memory.
const ballastPiece = 1 << 20
