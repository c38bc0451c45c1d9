package app

import "os"

// ballastBytes is how much more the heap may grow before it is collected.
const ballastBytes = 32 << 20

// ballast makes garbage collection rarer while it is kept alive. It is never
// touched, so it takes up no memory of the machine.
//
// Go collects when the heap has doubled (GOGC=100). What is live in a worker is a
// few MiB, and garbage comes at some 20 KiB a message, so a busy one would spend a
// third of its CPU on collecting. With the ballast the heap doubles later, at the
// price of ballastBytes at most, whatever is live. A higher GOGC would multiply
// what is live when that is much, and a memory limit would collect without end
// when more is live than it allows.
//
// Whoever sets GOGC or GOMEMLIMIT has decided already: nil then.
func ballast() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, ballastBytes)
}
