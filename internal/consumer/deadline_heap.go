package consumer

import (
	"container/heap"
	"time"
)

// deadlineHeap is a heap of deliveries by a time of theirs, the earliest first. Guarded by
// Consumer.mu.
type deadlineHeap struct{ h deliveries }

type deliveries struct {
	items []*Delivery
	at    func(*Delivery) time.Time
	index func(*Delivery) *int // its place in items; -1 if it is not there
}

func newRenewalHeap() deadlineHeap {
	return deadlineHeap{deliveries{
		at:    func(d *Delivery) time.Time { return d.renewAt },
		index: func(d *Delivery) *int { return &d.renewalIndex },
	}}
}

func newRetryHeap() deadlineHeap {
	return deadlineHeap{deliveries{
		at:    func(d *Delivery) time.Time { return d.retryAt },
		index: func(d *Delivery) *int { return &d.queueIndex },
	}}
}

// set puts d in, or moves it if its time has changed.
func (t *deadlineHeap) set(d *Delivery) {
	if i := *t.h.index(d); i >= 0 {
		heap.Fix(&t.h, i)
	} else {
		heap.Push(&t.h, d)
	}
}

func (t *deadlineHeap) remove(d *Delivery) {
	if i := *t.h.index(d); i >= 0 {
		heap.Remove(&t.h, i)
	}
}

// first is the earliest; nil if there is none.
func (t *deadlineHeap) first() *Delivery {
	if len(t.h.items) == 0 {
		return nil
	}
	return t.h.items[0]
}

func (t *deadlineHeap) pop() *Delivery { return heap.Pop(&t.h).(*Delivery) }

func (h *deliveries) Len() int           { return len(h.items) }
func (h *deliveries) Less(i, j int) bool { return h.at(h.items[i]).Before(h.at(h.items[j])) }

func (h *deliveries) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	*h.index(h.items[i]), *h.index(h.items[j]) = i, j
}

func (h *deliveries) Push(x any) {
	d := x.(*Delivery)
	*h.index(d) = len(h.items)
	h.items = append(h.items, d)
}

func (h *deliveries) Pop() any {
	last := len(h.items) - 1
	d := h.items[last]
	h.items[last] = nil
	h.items = h.items[:last]
	*h.index(d) = -1
	return d
}
