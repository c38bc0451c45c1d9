package backlog

import (
	"container/heap"
	"time"
)

// line is a heap of things by their place in line: the longest-waiting message
// first. Among things that failed it is the one that came back first, as the oldest
// ones could otherwise fail in turn for ever, and none behind them be tried again.
type line struct{ things []*thing }

func (l *line) head() *thing {
	if len(l.things) == 0 {
		return nil
	}
	return l.things[0]
}

func (l *line) push(t *thing) {
	oldest := t.oldest()
	t.key = lineKey{sentAt: oldest.SentAt, seq: oldest.seq}
	if t.failures > 0 {
		t.key.due = t.due
	}
	heap.Push((*lineHeap)(l), t)
}

func (l *line) remove(t *thing) { heap.Remove((*lineHeap)(l), t.index) }

type lineHeap line

func (h *lineHeap) Len() int           { return len(h.things) }
func (h *lineHeap) Less(i, j int) bool { return h.things[i].before(h.things[j]) }
func (h *lineHeap) Swap(i, j int)      { swap(h.things, i, j) }
func (h *lineHeap) Push(x any)         { h.things = push(h.things, x) }
func (h *lineHeap) Pop() any           { return pop(&h.things) }

// delays is a heap of things by when their delay ends.
type delays struct{ things []*thing }

func (d *delays) first() (time.Time, bool) {
	if len(d.things) == 0 {
		return time.Time{}, false
	}
	return d.things[0].due, true
}

func (d *delays) push(t *thing)   { heap.Push((*delayHeap)(d), t) }
func (d *delays) pop() *thing     { return heap.Pop((*delayHeap)(d)).(*thing) }
func (d *delays) remove(t *thing) { heap.Remove((*delayHeap)(d), t.index) }

type delayHeap delays

func (h *delayHeap) Len() int           { return len(h.things) }
func (h *delayHeap) Less(i, j int) bool { return h.things[i].due.Before(h.things[j].due) }
func (h *delayHeap) Swap(i, j int)      { swap(h.things, i, j) }
func (h *delayHeap) Push(x any)         { h.things = push(h.things, x) }
func (h *delayHeap) Pop() any           { return pop(&h.things) }

func swap(things []*thing, i, j int) {
	things[i], things[j] = things[j], things[i]
	things[i].index, things[j].index = i, j
}

func push(things []*thing, x any) []*thing {
	t := x.(*thing)
	t.index = len(things)
	return append(things, t)
}

func pop(things *[]*thing) *thing {
	last := len(*things) - 1
	t := (*things)[last]
	(*things)[last] = nil
	*things = (*things)[:last]
	t.index = -1
	return t
}
