package localcloud

import "time"

const fifoSuffix = ".fifo"

// group is a message group of a FIFO queue: its items in order, those in
// flight included. It may be received while none is.
type group struct {
	id          string
	first, last *item
	inFlight    int
	place       int // in queue.ready
}

// link puts an item into its group, in order.
func (q *queue) link(it *item) {
	g := q.groups[it.groupID]
	if g == nil {
		g = &group{id: it.groupID}
		q.groups[it.groupID] = g
	}
	it.group = g
	after := g.last
	for after != nil && after.order > it.order { // only for one that comes back
		after = after.prev
	}
	it.prev, it.next = after, nil
	if after == nil {
		it.next, g.first = g.first, it
	} else {
		it.next, after.next = after.next, it
	}
	if it.next == nil {
		g.last = it
	} else {
		it.next.prev = it
	}
}

func (q *queue) unlink(it *item) {
	g := it.group
	if it.prev == nil {
		g.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		g.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}

// regroup puts a group where it belongs after a change, and reports whether
// it may be received.
func (q *queue) regroup(g *group) bool {
	if g.first == nil {
		delete(q.groups, g.id)
	}
	ready := g.first != nil && g.first.state == visible && g.inFlight == 0
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
		next := q.ready.First().first
		for next != nil && next.state == visible && len(out) < most {
			it := next
			next = it.next
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
