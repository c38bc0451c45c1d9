package consumer

import (
	"slices"
	"time"

	"managed-thing-updater/internal/priorityqueue"
	"managed-thing-updater/internal/sqswire"
)

// settleQueue lines up the messages of one ending state for their operation, in batches.
// Guarded by Consumer.mu.
type settleQueue struct {
	state   state
	limit   int // batches under way at most
	running int

	fresh   []*Delivery                   // first tries, in order; may hold some that have left the state
	flushAt time.Time                     // when fresh goes out though it fills no batch
	later   priorityqueue.Queue[Delivery] // tries after a failure, each at its time
}

func newSettleQueue(s state, limit int) *settleQueue {
	return &settleQueue{state: s, limit: limit, later: priorityqueue.New(
		func(a, b *Delivery) bool { return a.retryAt.Before(b.retryAt) },
		func(d *Delivery) *int { return &d.laterPlace },
	)}
}

// push lines d up. A first try goes out after wait at the latest, and never waits into
// the last second of the lease. A try after a failure goes out at d.retryAt. push reports
// whether take may have something sooner than before: a batch is full, or d is the first
// to go.
func (q *settleQueue) push(d *Delivery, wait time.Duration) (sooner bool) {
	d.queued = true
	if d.tries > 0 {
		q.later.Set(d)
		return q.later.First() == d
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
	for _, d := range slices.Clone(q.later.All()) {
		if d.retryAt.After(at) {
			d.retryAt = at
			q.later.Set(d)
		}
	}
}

// drop takes d out. If it is in fresh, take leaves it out.
func (q *settleQueue) drop(d *Delivery) {
	q.later.Remove(d)
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
		d := q.later.First()
		if d == nil || d.retryAt.After(now) {
			break
		}
		q.later.Remove(d)
		add(d)
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
	if d := q.later.First(); d != nil && (at.IsZero() || d.retryAt.Before(at)) {
		at = d.retryAt
	}
	return at
}
