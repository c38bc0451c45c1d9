package consumer

import (
	"slices"
	"time"

	"managed-thing-updater/internal/sqswire"
)

// lane lines up the messages of one ending state for their operation, in
// batches. Wants c.mu held.
type lane struct {
	state   state
	limit   int // batches under way at most
	running int

	fresh   []*Delivery // first tries, in order; may hold some that have left the state
	flushAt time.Time   // when fresh goes out though it fills no batch
	later   timetable   // tries after a failure, each at its time
}

func newLane(s state, limit int) *lane {
	return &lane{state: s, limit: limit, later: retryTimetable()}
}

// push lines d up: at once or after wait for a first try, which never waits into
// the last second of the lease; at its retryAt after a failure. It reports
// whether take may have something sooner than before: a batch is full, or d is
// the first to go.
func (l *lane) push(d *Delivery, wait time.Duration) (sooner bool) {
	d.queued = true
	if d.tries > 0 {
		l.later.set(d)
		return l.later.first() == d
	}
	at := d.endedAt.Add(wait)
	if last := d.liveUntil().Add(-linger); at.After(last) {
		at = last
	}
	d.retryAt = at
	sooner = len(l.fresh) == 0 || at.Before(l.flushAt)
	if sooner {
		l.flushAt = at
	}
	l.fresh = append(l.fresh, d)
	return sooner || len(l.fresh) == sqswire.MaxEntries
}

// hasten has what failed tried again at the given time at the latest.
func (l *lane) hasten(at time.Time) {
	for _, d := range slices.Clone(l.later.h.items) {
		if d.retryAt.After(at) {
			d.retryAt = at
			l.later.set(d)
		}
	}
}

// drop takes d out; from fresh it falls when its turn comes.
func (l *lane) drop(d *Delivery) {
	l.later.remove(d)
	d.queued = false
}

// take returns the next batch that may go out, at most sqswire.MaxEntries long, or nil.
// Deliveries with an operation under way leave the line: the end of that puts
// them back.
func (l *lane) take(now time.Time, flush bool) []*Delivery {
	if l.running >= l.limit {
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
		d := l.later.first()
		if d == nil || d.retryAt.After(now) {
			break
		}
		add(l.later.pop())
	}
	due := flush || len(batch) > 0 || len(l.fresh) >= sqswire.MaxEntries || !l.flushAt.After(now)
	for due && len(batch) < sqswire.MaxEntries && len(l.fresh) > 0 {
		d := l.fresh[0]
		l.fresh[0] = nil
		l.fresh = l.fresh[1:]
		if d.state == l.state && d.queued {
			add(d)
		}
	}
	if due && len(l.fresh) > 0 {
		l.flushAt = l.fresh[0].retryAt
		for _, d := range l.fresh[:min(sqswire.MaxEntries, len(l.fresh))] { // with more there is a full batch, which does not wait
			if d.retryAt.Before(l.flushAt) {
				l.flushAt = d.retryAt
			}
		}
	}
	return batch
}

// next is when take may have something, zero where only an event can bring it.
func (l *lane) next() time.Time {
	var at time.Time
	if l.running >= l.limit {
		return at
	}
	if len(l.fresh) > 0 {
		at = l.flushAt
	}
	if d := l.later.first(); d != nil && (at.IsZero() || d.retryAt.Before(at)) {
		at = d.retryAt
	}
	return at
}
