package thingstate

import (
	"math/bits"
	"unsafe"

	"managed-thing-updater/internal/message"
)

// size is about how many bytes of the heap the record keeps alive: its slices with the
// room that they have to spare, and each order once, however many members and parts
// share it. The names of members are left out: the worker has each of them once.
//
// What a Version, a Mark, a Part or an AppliedKey holds in itself counts without a
// change here. What a new field of them points to needs a line.
func (r Record) size() int64 {
	n := array(r.Versions) + array(r.Marks) + array(r.Keys)
	counted := make(map[*message.Order]bool, 8)
	count := func(o *message.Order) {
		if !counted[o] {
			counted[o] = true
			n += allocated(unsafe.Sizeof(*o)) + text(o.Sequence) + text(o.MessageID)
		}
	}
	for i := range r.Versions {
		count(r.Versions[i].Order)
		n += array(r.Versions[i].Parts)
		for _, part := range r.Versions[i].Parts {
			count(part.Order)
		}
	}
	for i := range r.Marks {
		count(r.Marks[i].Order)
	}
	return n
}

func array[E any](s []E) int64 {
	var e E
	return allocated(uintptr(cap(s)) * unsafe.Sizeof(e))
}

func text(s string) int64 { return allocated(uintptr(len(s))) }

// allocated is about what the heap takes for an object of n bytes: Go rounds up to a
// multiple of 8 or 16, and above 256 to about an eighth of the size.
func allocated(n uintptr) int64 {
	step := uintptr(16)
	switch {
	case n <= 32:
		step = 8
	case n > 256:
		step = 1 << (bits.Len(uint(n-1)) - 4)
	}
	return int64((n + step - 1) / step * step)
}
