// Package priorityqueue has the first of many values at hand, and finds each of them again
// to move it or to take it out.
package priorityqueue

import "container/heap"

// Queue is a priority queue of pointers. A value that changes its place in the order has
// to be Set again. Not safe for concurrent use.
type Queue[T any] struct{ heap heapOf[T] }

// New makes an empty queue, whose first value is before all others. place is where a value
// keeps its place for the queue: 0 while it is not in it, as at first.
func New[T any](before func(a, b *T) bool, place func(*T) *int) Queue[T] {
	return Queue[T]{heapOf[T]{before: before, place: place}}
}

// Len is how many values are in the queue.
func (q *Queue[T]) Len() int { return len(q.heap.values) }

// All are the values of the queue, in no order.
func (q *Queue[T]) All() []*T { return q.heap.values }

// First is the first value, nil if there is none.
func (q *Queue[T]) First() *T {
	if len(q.heap.values) == 0 {
		return nil
	}
	return q.heap.values[0]
}

// Set puts v in, or moves it to its new place.
func (q *Queue[T]) Set(v *T) {
	if place := *q.heap.place(v); place > 0 {
		heap.Fix(&q.heap, place-1)
	} else {
		heap.Push(&q.heap, v)
	}
}

// Remove takes v out, if it is in the queue. It does not ask what v is before.
func (q *Queue[T]) Remove(v *T) {
	if place := *q.heap.place(v); place > 0 {
		heap.Remove(&q.heap, place-1)
	}
}

// heapOf implements heap.Interface.
type heapOf[T any] struct {
	values []*T
	before func(a, b *T) bool
	place  func(*T) *int
}

func (h *heapOf[T]) Len() int           { return len(h.values) }
func (h *heapOf[T]) Less(i, j int) bool { return h.before(h.values[i], h.values[j]) }

func (h *heapOf[T]) Swap(i, j int) {
	h.values[i], h.values[j] = h.values[j], h.values[i]
	*h.place(h.values[i]), *h.place(h.values[j]) = i+1, j+1
}

func (h *heapOf[T]) Push(x any) {
	h.values = append(h.values, x.(*T))
	*h.place(x.(*T)) = len(h.values)
}

func (h *heapOf[T]) Pop() any {
	last := len(h.values) - 1
	v := h.values[last]
	h.values[last] = nil
	h.values = h.values[:last]
	*h.place(v) = 0
	return v
}
