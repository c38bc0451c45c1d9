package main

import (
	"encoding/json"
	"sync"
	"time"

	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/message"
)

// expectations are what was sent, and what must come of it in the end.
type expectations struct {
	mu      sync.Mutex
	ledger  fleet.Ledger
	sent    tally
	mayFail map[string]bool // message ids that may be dead-lettered
	taken   map[string]bool // receipt handles of letters that were taken from the dead-letter queue
}

func newExpectations(fifo bool) *expectations {
	return &expectations{ledger: fleet.Ledger{FIFO: fifo}, mayFail: make(map[string]bool), taken: make(map[string]bool)}
}

// tally counts messages by who sent them.
type tally struct{ fleet, hand int }

func (t tally) all() int { return t.fleet + t.hand }

func (e *expectations) sums() tally {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent
}

// fromFleet notes a message of the fleet. send puts it into the queue; no
// sum is seen between the two.
func (e *expectations) fromFleet(m fleet.Message, send func(sentAt time.Time) (id string, err error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	sentAt := time.Now().Truncate(time.Millisecond)
	id, err := send(sentAt)
	if err != nil {
		return err
	}
	e.sent.fleet++
	e.ledger.Sent(id, sentAt, m)
	if m.Broken || m.Missing || m.Refused {
		e.mayFail[id] = true
	}
	return nil
}

// byHand notes a message that the fleet did not send. What it means for the end is
// not known, so its thing is not compared, and it may be dead-lettered.
func (e *expectations) byHand(id, body string) {
	u, _ := message.Decode(message.Incoming{ID: id, Body: body, SentAt: time.Now(), Receives: 1}, message.Options{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent.hand++
	e.mayFail[id] = true
	if u.Thing != "" {
		e.ledger.Touched(u.Thing)
	}
}

// letterTaken notes that a letter was deleted: moved back, most likely. Deleting it
// once more takes nothing.
func (e *expectations) letterTaken(handle string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken[handle] = true
}

func (e *expectations) lettersTaken() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.taken)
}

// compare holds the things against what was sent, once the worker has stopped: left
// and letters are the ids of messages still in the queue and dead-lettered.
func (e *expectations) compare(left, letters []string, get func(string) (map[string]json.RawMessage, bool)) (things int, wrong []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range left {
		e.ledger.Left(id)
	}
	for _, id := range letters {
		e.ledger.DeadLettered(id)
		if !e.mayFail[id] {
			wrong = append(wrong, "message "+id+" is sound and was dead-lettered")
		}
	}
	things, differences := e.ledger.Check(get)
	return things, append(wrong, differences...)
}
