package localcloud

import "time"

// take leases up to most messages, from the front. A lease of 0 ends before
// the next take.
func (q *queue) take(now time.Time, most int, lease time.Duration) []item {
	q.promote(now)
	if q.fifo {
		return q.takeFIFO(now, most, lease)
	}
	var out []item
	for len(out) < most && q.visible.Len() > 0 && q.inFlights < maxInFlight {
		it := q.visible.First()
		if q.divert(it, now) {
			continue
		}
		out = append(out, q.lease(it, now, lease))
		if q.sqs.cloud.Faults.duplicates(it.id, it.receives) {
			q.redeliver(it)
		}
	}
	return out
}

// lease makes an item in flight and returns it as this receive sees it: the
// item itself may be received again before the answer is written.
func (q *queue) lease(it *item, now time.Time, lease time.Duration) item {
	it.receives++
	q.receives++
	q.mostReceives = max(q.mostReceives, it.receives)
	it.generation++
	it.ghost, it.touched = false, false
	it.receivedAt = now
	if it.firstReceived.IsZero() {
		it.firstReceived = now
	}
	q.enter(it, inFlight, now.Add(lease))
	return *it
}

// divert takes an item out that is too old or was received too often, and
// reports whether it did.
func (q *queue) divert(it *item, now time.Time) bool {
	if now.Sub(it.enqueued) > q.retention {
		q.remove(it)
		return true
	}
	dlq := q.sqs.queues[q.deadLetterName]
	if dlq == nil || it.ghost || it.receives-it.receivesPast < q.maxReceives {
		return false
	}
	// MessageId, sent time and the count of receives go on over there.
	q.remove(it)
	m := *it.message
	m.deadLetterSource = q.sqs.arn(q.name)
	if dlq.fifo { // there, unlike on standard queues, retention starts anew
		m.enqueued = now
	}
	seq := q.sqs.nextSeq()
	dlq.add(&item{
		message: &m, seq: seq, order: seq,
		receives: it.receives, receivesPast: it.receives, firstReceived: it.firstReceived,
	}, visible, time.Time{})
	return true
}
