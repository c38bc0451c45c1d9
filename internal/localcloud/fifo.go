package localcloud

import (
	"container/list"
	"time"
)

const fifoSuffix = ".fifo"

// group is a message group of a FIFO queue: its items in order, those in
// flight included. It may be received while none is.
type group struct {
	id       string
	items    list.List // of *item
	inFlight int
	place    int // in queue.ready
}

// link puts an item into its group, in order.
func (q *queue) link(it *item) {
	g := q.groups[it.groupID]
	if g == nil {
		g = &group{id: it.groupID}
		q.groups[it.groupID] = g
	}
	it.group = g
	after := g.items.Back()
	for after != nil && after.Value.(*item).order > it.order { // only for one that comes back
		after = after.Prev()
	}
	if after == nil {
		it.inGroup = g.items.PushFront(it)
	} else {
		it.inGroup = g.items.InsertAfter(it, after)
	}
}

// first is the group's oldest item, nil if it has none.
func (g *group) first() *item {
	if e := g.items.Front(); e != nil {
		return e.Value.(*item)
	}
	return nil
}

// regroup puts a group where it belongs after a change, and reports whether
// it may be received.
func (q *queue) regroup(g *group) bool {
	first := g.first()
	if first == nil {
		delete(q.groups, g.id)
	}
	ready := first != nil && first.state == visible && g.inFlight == 0
	if ready {
		q.ready.Set(g)
	} else { // possibly empty: Remove does not compare what it removes
		q.ready.Remove(g)
	}
	return ready
}

// takeFIFO leases from the group whose first item is the oldest, as many as
// there are, then from the next. A group that it took from is blocked until
// all that was taken is deleted or visible again.
func (q *queue) takeFIFO(now time.Time, most int, lease time.Duration) []item {
	var out []item
	for len(out) < most && q.ready.Len() > 0 && q.inFlights < maxInFlight {
		next := q.ready.First().items.Front()
		for next != nil && len(out) < most {
			it := next.Value.(*item)
			if it.state != visible {
				break
			}
			next = next.Next()
			if !q.divert(it, now) {
				out = append(out, q.lease(it, now, lease))
			}
		}
	}
	return out
}

// dedupEntry is a send that a later one with the same deduplication id
// repeats.
type dedupEntry struct {
	key string
	id  string // MessageId
	seq uint64
	at  time.Time
}

// sentBefore returns what was sent with the same deduplication id within the
// last 5 minutes, whatever became of it since.
func (q *queue) sentBefore(key string, now time.Time) (dedupEntry, bool) {
	for len(q.dedupOrder) > 0 && now.Sub(q.dedupOrder[0].at) >= dedupWindow {
		delete(q.dedup, q.dedupOrder[0].key)
		q.dedupOrder = q.dedupOrder[1:]
	}
	e, ok := q.dedup[key]
	return e, ok
}

func (q *queue) remember(e dedupEntry) {
	q.dedup[e.key] = e
	q.dedupOrder = append(q.dedupOrder, e)
}
