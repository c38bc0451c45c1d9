package localcloud

import (
	"strings"
	"time"
)

const (
	attemptWindow      = 5 * time.Minute // from the first receive with an id
	maxAttemptIDLength = 128
)

// attempt is what a receive with a ReceiveRequestAttemptId brought. The same id
// brings the same messages again, with the same receipt handles, for 5 minutes and
// while none of them was deleted or had its visibility changed (AWS, API Reference,
// ReceiveMessage).
type attempt struct {
	id    string
	at    time.Time
	used  bool // a receive that was throttled uses its id up
	items []item
}

// attemptAgain returns the messages of an earlier receive with the same id, whose
// leases start anew. It returns none if there was no such receive, or if its leases
// have ended and nobody received the messages since.
func (q *queue) attemptAgain(id string, now time.Time, lease time.Duration) ([]item, *sqsError) {
	q.promote(now)
	q.forgetAttempts(now)
	a := q.attempts[id]
	if a == nil {
		return nil, nil
	}
	if a.used {
		return nil, attemptOver(id)
	}
	ended := 0
	for _, was := range a.items {
		it := q.items[was.seq]
		switch {
		case it == nil, it.generation != was.generation, it.state == inFlight && it.touched:
			return nil, attemptOver(id)
		case it.state != inFlight:
			ended++
		}
	}
	if ended == len(a.items) {
		delete(q.attempts, id)
		return nil, nil
	}
	if ended > 0 {
		return nil, attemptOver(id)
	}
	for _, was := range a.items {
		q.enter(q.items[was.seq], inFlight, now.Add(lease))
	}
	return a.items, nil
}

// attempted takes down what a receive with an id brought, or that it was throttled.
func (q *queue) attempted(id string, now time.Time, items []item, throttled bool) {
	if id == "" || !q.fifo || len(items) == 0 && !throttled {
		return
	}
	a := &attempt{id: id, at: now, used: throttled, items: items}
	if q.attempts == nil {
		q.attempts = map[string]*attempt{}
	}
	q.attempts[id] = a
	q.attemptOrder = append(q.attemptOrder, a)
}

func (q *queue) forgetAttempts(now time.Time) {
	for len(q.attemptOrder) > 0 && now.Sub(q.attemptOrder[0].at) >= attemptWindow {
		if a := q.attemptOrder[0]; q.attempts[a.id] == a {
			delete(q.attempts, a.id)
		}
		q.attemptOrder = q.attemptOrder[1:]
	}
}

// checkAttemptID says what is wrong with an id.
func (q *queue) checkAttemptID(id string) *sqsError {
	switch {
	case id == "":
		return nil
	case !q.fifo:
		return invalidValue(id, "ReceiveRequestAttemptId", "The request include parameter that is not valid for this queue type")
	case len(id) > maxAttemptIDLength, strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }):
		return invalidValue(id, "ReceiveRequestAttemptId", "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

func attemptOver(id string) *sqsError {
	return invalidValue(id, "ReceiveRequestAttemptId", "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.")
}
