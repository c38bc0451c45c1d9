package consumer

import (
	"container/heap"
	"time"
)

// timetable is a heap of deliveries by a time of theirs, the earliest first. It
// finds and removes any of them in O(log n).
type timetable struct{ h deliveries }

type deliveries struct {
	items []*Delivery
	at    func(*Delivery) time.Time
	index func(*Delivery) *int
}

func renewalTimetable() timetable {
	return timetable{deliveries{
		at:    func(d *Delivery) time.Time { return d.renewAt },
		index: func(d *Delivery) *int { return &d.renewalIndex },
	}}
}

func retryTimetable() timetable {
	return timetable{deliveries{
		at:    func(d *Delivery) time.Time { return d.retryAt },
		index: func(d *Delivery) *int { return &d.laneIndex },
	}}
}

// set puts d where its time says, whether it was in before or not.
func (t *timetable) set(d *Delivery) {
	if i := *t.h.index(d); i >= 0 {
		heap.Fix(&t.h, i)
	} else {
		heap.Push(&t.h, d)
	}
}

func (t *timetable) remove(d *Delivery) {
	if i := *t.h.index(d); i >= 0 {
		heap.Remove(&t.h, i)
	}
}

// first is the earliest, nil where there is none.
func (t *timetable) first() *Delivery {
	if len(t.h.items) == 0 {
		return nil
	}
	return t.h.items[0]
}

func (t *timetable) pop() *Delivery { return heap.Pop(&t.h).(*Delivery) }

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
