package backlog

import "container/heap"

// thingHeap has at its head the thing that is first by before. A thing is in one heap at
// most, and knows its place there.
type thingHeap struct {
	things []*thing
	before func(a, b *thing) bool
}

// head is the first thing, or nil.
func (h *thingHeap) head() *thing {
	if len(h.things) == 0 {
		return nil
	}
	return h.things[0]
}

func (h *thingHeap) add(t *thing)    { heap.Push(h, t) }
func (h *thingHeap) remove(t *thing) { heap.Remove(h, t.index) }

// The rest implements heap.Interface.

func (h *thingHeap) Len() int           { return len(h.things) }
func (h *thingHeap) Less(i, j int) bool { return h.before(h.things[i], h.things[j]) }

func (h *thingHeap) Swap(i, j int) {
	h.things[i], h.things[j] = h.things[j], h.things[i]
	h.things[i].index, h.things[j].index = i, j
}

func (h *thingHeap) Push(x any) {
	t := x.(*thing)
	t.index = len(h.things)
	h.things = append(h.things, t)
}

func (h *thingHeap) Pop() any {
	last := len(h.things) - 1
	t := h.things[last]
	h.things[last] = nil
	h.things = h.things[:last]
	t.index = -1
	return t
}
