package main

import (
	"encoding/json"
	"sync"
	"time"

	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/message"
)

// book is what was sent, for the reckoning at the end.
type book struct {
	mu      sync.Mutex
	ledger  fleet.Ledger
	sent    tally
	mayFail map[string]bool // message ids that may be dead-lettered
	taken   map[string]bool // receipt handles of letters that somebody took from the dead-letter queue
}

// tally counts messages by who sent them.
type tally struct{ fleet, hand int }

func (t tally) all() int { return t.fleet + t.hand }

func (b *book) sums() tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent
}

// fromFleet notes a message of the fleet. send puts it into the queue; the book
// is locked around it, so that no sum is seen between the two.
func (b *book) fromFleet(m fleet.Message, send func(sentAt time.Time) (id string, err error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	sentAt := time.Now().Truncate(time.Millisecond)
	id, err := send(sentAt)
	if err != nil {
		return err
	}
	b.sent.fleet++
	b.ledger.Sent(id, sentAt, m)
	if m.Broken || m.Missing || m.Refused {
		b.letFail(id)
	}
	return nil
}

// byHand notes a message that somebody else sent: nobody knows what it means for
// the end, so its thing is not compared, and it may be dead-lettered.
func (b *book) byHand(id, body string) {
	u, _ := message.Decode(message.Incoming{ID: id, Body: body, SentAt: time.Now(), Receives: 1}, message.Options{})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent.hand++
	b.letFail(id)
	if u.Thing != "" {
		b.ledger.Touched(u.Thing)
	}
}

// letterTaken notes that a letter was deleted: moved back, most likely. Deleting it
// once more takes nothing.
func (b *book) letterTaken(handle string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken == nil {
		b.taken = make(map[string]bool)
	}
	b.taken[handle] = true
}

func (b *book) lettersTaken() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.taken)
}

func (b *book) letFail(id string) {
	if b.mayFail == nil {
		b.mayFail = make(map[string]bool)
	}
	b.mayFail[id] = true
}

// compare holds the things against the book, once the worker has stopped: left
// and letters are the ids of messages still in the queue and dead-lettered.
func (b *book) compare(left, letters []string, get func(string) (map[string]json.RawMessage, bool)) (things int, wrong []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range left {
		b.ledger.Left(id)
	}
	for _, id := range letters {
		b.ledger.DeadLettered(id)
		if !b.mayFail[id] {
			wrong = append(wrong, "message "+id+" is sound and was dead-lettered")
		}
	}
	things, differences := b.ledger.Check(get)
	return things, append(wrong, differences...)
}
