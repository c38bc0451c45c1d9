package localcloud

import (
	"container/list"
	"strconv"
	"time"

	"managed-thing-updater/internal/priorityqueue"
)

type state int

const (
	gone state = iota
	visible
	delayed
	inFlight
)

// What SQS allows (AWS, "Amazon SQS quotas").
const (
	maxInFlight   = 120_000
	maxVisibility = 12 * time.Hour // from a receive, extensions included
	dedupWindow   = 5 * time.Minute
)

// What is kept of deleted messages, for Redeliver.
const (
	maxDeleted      = 1000
	maxDeletedBytes = 8 << 20
)

// message is what was sent. It does not change.
type message struct {
	id                      string
	body, bodyMD5           string
	attrs                   []attribute // by name
	attrsMD5                string      // "" without attributes
	trace, groupID, dedupID string
	sentAt                  time.Time
	enqueued                time.Time // what retention counts from
	deadLetterSource        string    // ARN of the queue it was redriven from
}

// item is a message in its queue:
//
//	delayed ──time──► visible ──receive──► in flight ──delete──► gone
//	                     ▲                     │
//	                     └──time, release──────┘
type item struct {
	*message
	seq           uint64 // unique over all queues, rising; the key of receipt handles
	order         uint64 // place among the visible: seq, until the message has to queue up again
	state         state
	due           time.Time // end of delay or lease
	receives      int       // over all queues
	receivesPast  int       // in the queue it was redriven from
	firstReceived time.Time
	receivedAt    time.Time
	generation    uint32 // of the newest receipt handle; 0 before the first
	ghost         bool   // a copy is visible that a delete by the newest handle does not reach
	touched       bool   // its visibility was changed since it was received
	fifo          bool

	place   int // in queue.visible or queue.waiting
	group   *group
	inGroup *list.Element // in group.items
}

// sequenceNumber has 20 digits and does not fit 64 bits, as the real one.
func (it *item) sequenceNumber() string {
	if !it.fifo {
		return ""
	}
	digits := strconv.FormatUint(it.seq, 10)
	return "18800000000000000000"[:20-len(digits)] + digits
}

func placeOf(it *item) *int { return &it.place }

func byOrder(a, b *item) bool { return a.order < b.order }

func byDue(a, b *item) bool {
	return a.due.Before(b.due) || a.due.Equal(b.due) && a.order < b.order
}

// queue holds its items in the structures that their states ask for, so that
// no request looks at more items than it returns. SQS.mu guards it.
type queue struct {
	sqs       *SQS
	name, url string
	id        uint64 // unique over all queues ever, in receipt handles
	settings
	created, modified time.Time
	purged            time.Time

	items     map[uint64]*item
	visible   priorityqueue.Queue[item] // standard: by order
	waiting   priorityqueue.Queue[item] // delayed and in flight, by due
	groups    map[string]*group
	ready     priorityqueue.Queue[group] // FIFO: groups that may be received, by their first item
	inFlights int

	dedup      map[string]dedupEntry // FIFO: what was sent in the last 5 minutes, by key
	dedupOrder []dedupEntry          // the same, oldest first

	attempts     map[string]*attempt // FIFO: receives of the last 5 minutes, by ReceiveRequestAttemptId
	attemptOrder []*attempt          // the same, oldest first

	deleted      []*item // latest last
	deletedBytes int

	receives, mostReceives int // messages handed out; how often the one handed out most was

	changed chan struct{} // closed when a waiting receive should look again; nil while none waits
}

// add puts an item in, in the given state.
func (q *queue) add(it *item, st state, due time.Time) {
	it.fifo = q.fifo
	q.items[it.seq] = it
	if q.fifo {
		q.link(it)
	}
	q.enter(it, st, due)
}

// enter moves an item to a state. A waiting receive looks again if that may
// bring a message forth, or sooner than it thought.
func (q *queue) enter(it *item, st state, due time.Time) {
	q.leave(it)
	it.state, it.due = st, due
	switch st {
	case visible:
		if !q.fifo {
			q.visible.Set(it)
		}
	case delayed, inFlight:
		q.waiting.Set(it)
		if st == inFlight {
			q.inFlights++
		}
	}
	if q.fifo {
		if st == inFlight {
			it.group.inFlight++
		}
		q.regroup(it.group)
	}
	if st == visible || q.waiting.First() == it {
		q.wake()
	}
}

// leave takes an item out of the structures of its state.
func (q *queue) leave(it *item) {
	switch it.state {
	case visible:
		if !q.fifo {
			q.visible.Remove(it)
		}
	case delayed, inFlight:
		q.waiting.Remove(it)
		if it.state == inFlight {
			q.inFlights--
			if q.fifo {
				it.group.inFlight--
			}
		}
	}
	it.state = gone
}

// remove takes an item out of the queue.
func (q *queue) remove(it *item) {
	q.leave(it)
	delete(q.items, it.seq)
	if q.fifo {
		it.group.items.Remove(it.inGroup)
		if q.regroup(it.group) {
			q.wake() // the next message of the group may go
		}
	}
}

// forget remembers a deleted item for Redeliver, for a while.
func (q *queue) forget(it *item) {
	q.deleted = append(q.deleted, it)
	q.deletedBytes += len(it.body)
	for len(q.deleted) > maxDeleted || q.deletedBytes > maxDeletedBytes {
		q.deletedBytes -= len(q.deleted[0].body)
		q.deleted[0] = nil
		q.deleted = q.deleted[1:]
	}
}

// promote makes visible what has waited long enough.
func (q *queue) promote(now time.Time) {
	for it := q.waiting.First(); it != nil && !it.due.After(now); it = q.waiting.First() {
		q.release(it)
	}
}

// release makes an item visible. On a standard queue that may be received more
// than 3 times, one received 3 times goes to the back (AWS, "Using dead-letter
// queues in Amazon SQS").
func (q *queue) release(it *item) {
	if it.state == inFlight && !q.fifo && q.maxReceives > 3 && it.receives >= 3 {
		it.order = q.sqs.nextSeq()
	}
	q.enter(it, visible, time.Time{})
}

// redeliver makes a copy visible of an item that may be in flight.
func (q *queue) redeliver(it *item) {
	if it.state == visible {
		return
	}
	it.ghost = it.state == inFlight && !q.fifo
	q.enter(it, visible, time.Time{})
}

// wake makes every waiting receive look again.
func (q *queue) wake() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

func (s *SQS) nextSeq() uint64 {
	s.lastSeq++
	return s.lastSeq
}
