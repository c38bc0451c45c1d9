package consumer

import (
	"slices"
	"time"

	"managed-thing-updater/internal/sqswire"
)

// settleQueue lines up the messages of one ending state for their operation, in batches.
// Guarded by Consumer.mu.
type settleQueue struct {
	state   state
	limit   int // batches under way at most
	running int

	fresh   []*Delivery  // first tries, in order; may hold some that have left the state
	flushAt time.Time    // when fresh goes out though it fills no batch
	later   deadlineHeap // tries after a failure, each at its time
}

func newSettleQueue(s state, limit int) *settleQueue {
	return &settleQueue{state: s, limit: limit, later: newRetryHeap()}
}

// push lines d up. A first try goes out after wait at the latest, and never waits into
// the last second of the lease. A try after a failure goes out at d.retryAt. push reports
// whether take may have something sooner than before: a batch is full, or d is the first
// to go.
func (q *settleQueue) push(d *Delivery, wait time.Duration) (sooner bool) {
	d.queued = true
	if d.tries > 0 {
		q.later.set(d)
		return q.later.first() == d
	}
	at := d.endedAt.Add(wait)
	if last := d.liveUntilLocked().Add(-batchWait); at.After(last) {
		at = last
	}
	d.retryAt = at
	sooner = len(q.fresh) == 0 || at.Before(q.flushAt)
	if sooner {
		q.flushAt = at
	}
	q.fresh = append(q.fresh, d)
	return sooner || len(q.fresh) == sqswire.MaxEntries
}

// hasten moves later tries to the given time.
func (q *settleQueue) hasten(at time.Time) {
	for _, d := range slices.Clone(q.later.h.items) {
		if d.retryAt.After(at) {
			d.retryAt = at
			q.later.set(d)
		}
	}
}

// drop takes d out. If it is in fresh, take leaves it out.
func (q *settleQueue) drop(d *Delivery) {
	q.later.remove(d)
	d.queued = false
}

// take returns the next batch that may go out, at most sqswire.MaxEntries long; nil if
// there is none. Deliveries with an operation under way leave the queue: the end of that
// operation puts them back.
func (q *settleQueue) take(now time.Time, flush bool) []*Delivery {
	if q.running >= q.limit {
		return nil
	}
	var batch []*Delivery
	add := func(d *Delivery) {
		d.queued = false
		if !d.busy && !d.sending {
			batch = append(batch, d)
		}
	}
	for len(batch) < sqswire.MaxEntries {
		d := q.later.first()
		if d == nil || d.retryAt.After(now) {
			break
		}
		add(q.later.pop())
	}
	due := flush || len(batch) > 0 || len(q.fresh) >= sqswire.MaxEntries || !q.flushAt.After(now)
	for due && len(batch) < sqswire.MaxEntries && len(q.fresh) > 0 {
		d := q.fresh[0]
		q.fresh[0] = nil
		q.fresh = q.fresh[1:]
		if d.state == q.state && d.queued {
			add(d)
		}
	}
	if due && len(q.fresh) > 0 {
		q.flushAt = q.fresh[0].retryAt
		for _, d := range q.fresh[:min(sqswire.MaxEntries, len(q.fresh))] { // with more there is a full batch, which does not wait
			if d.retryAt.Before(q.flushAt) {
				q.flushAt = d.retryAt
			}
		}
	}
	return batch
}

// next is when take may have something; zero if only an event can bring it.
func (q *settleQueue) next() time.Time {
	var at time.Time
	if q.running >= q.limit {
		return at
	}
	if len(q.fresh) > 0 {
		at = q.flushAt
	}
	if d := q.later.first(); d != nil && (at.IsZero() || d.retryAt.Before(at)) {
		at = d.retryAt
	}
	return at
}
