package timeline

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"managed-thing-updater/internal/message"
)

// Waiting is the outcome of a message that is held and has none yet.
const Waiting message.Outcome = "waiting"

const (
	firstKept = 8   // a long story keeps its beginning
	mostKept  = 32  // and its end
	mostText  = 256 // bytes of a text

	storyBytes = int(unsafe.Sizeof(Story{})) + 64 // its place in the map included
	eventBytes = int(unsafe.Sizeof(event{}))
)

// Story is what happened to one message. Its methods return at once; one on a nil
// Story does nothing.
type Story struct {
	log *Log
	id  string

	// All below is guarded by log.mu.

	thing   string
	trace   string
	sentAt  time.Time
	outcome message.Outcome
	reason  message.Reason // of a dead letter
	code    string         // of the last failure
	failing bool           // the last call failed, or the end was no good one
	gone    bool           // forgotten
	events  []event
	omitted int // events that were not kept
	bytes   int

	on           *shelf // since it was finished; nil while it is held
	older, newer *Story // on the shelf
}

// Call is a call that carried the message.
type Call struct {
	Others    int // messages in the same call
	Took      time.Duration
	Throttled bool
	Code      string // empty where it succeeded
	Detail    string // masked
	RequestID string
}

// record takes an event down, with the time it happened at: now.
func (s *Story) record(e event) {
	if s == nil {
		return
	}
	e.at = time.Now().UnixNano()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.add(e)
}

// add wants log.mu held.
func (s *Story) add(e event) {
	if s.gone {
		return
	}
	if i := s.repeats(e); i >= 0 {
		first := s.events[i]
		e.times, e.since = first.times+1, first.since
		s.resize(e.size() - first.size())
		s.events = append(slices.Delete(s.events, i, i+1), e)
		return
	}
	e.since = e.at
	more := s.morePlaces()
	size := more*eventBytes + e.size()
	if !s.log.room(size) || s.gone { // what makes room may be the story itself
		s.omitted++
		return
	}
	if len(s.events) == mostKept {
		s.resize(-s.events[firstKept].size())
		s.events = slices.Delete(s.events, firstKept, firstKept+1)
		s.omitted++
	}
	if more > 0 {
		s.events = append(make([]event, 0, cap(s.events)+more), s.events...)
	}
	s.events = append(s.events, e)
	s.resize(size)
}

// usual is how many events a message has that is received, called, applied and
// deleted.
const usual = 4

// morePlaces is how many places the events need more for one more of them: as many as
// there are, for those that follow. All of them count, also those that stay empty.
func (s *Story) morePlaces() int {
	if len(s.events) < cap(s.events) || len(s.events) == mostKept {
		return 0
	}
	return max(usual, cap(s.events))
}

func (s *Story) last() *event {
	if len(s.events) == 0 {
		return nil
	}
	return &s.events[len(s.events)-1]
}

// repeats is which event e is one more of, -1 where there is none: the last one, or
// the one before where the last is a renewed lease, and the other way round.
func (s *Story) repeats(e event) int {
	for i := len(s.events) - 1; i >= 0 && i >= len(s.events)-2; i-- {
		last := &s.events[i]
		if last.same(e) {
			return i
		}
		if last.kind != leaseRenewed && e.kind != leaseRenewed {
			break
		}
	}
	return -1
}

func (s *Story) resize(by int) {
	s.bytes += by
	s.log.bytes += by
}

// About says which thing the message is about. thing is copied.
func (s *Story) About(thing string) {
	if s == nil {
		return
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if s.thing != thing && !s.gone {
		s.resize(len(thing) - len(s.thing))
		s.thing = strings.Clone(thing) // it may be a piece of the message's body
	}
}

// TracedBy says which trace the message belongs to.
func (s *Story) TracedBy(trace string) {
	if s == nil || trace == "" {
		return
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if !s.gone {
		s.resize(len(trace) - len(s.trace))
		s.trace = trace
	}
}

// ReceivedAgain tells that it was received again while it was held.
func (s *Story) ReceivedAgain(receives int) { s.record(event{kind: receivedAgain, n: int32(receives)}) }

// LeaseRenewed tells that its visibility timeout was extended to so long from now.
func (s *Story) LeaseRenewed(length time.Duration) { s.record(event{kind: leaseRenewed, wait: length}) }

// LeaseLost tells that its visibility timeout ended while it was held.
func (s *Story) LeaseLost() { s.fails(event{kind: leaseLost}, "") }

// HeldTooLong tells that it was held for as long as SQS allows.
func (s *Story) HeldTooLong() { s.fails(event{kind: heldTooLong}, "") }

// Stranded tells that the worker had to stop before its work was done.
func (s *Story) Stranded() { s.record(event{kind: stranded}) }

// Stopping tells that it came in, or still waited, when the worker stopped.
func (s *Story) Stopping() { s.record(event{kind: stopping}) }

// Called tells of a call that carried it.
func (s *Story) Called(c Call) {
	e := event{kind: called, n: int32(c.Others), took: c.Took, code: c.Code, text: short(c.Detail), request: c.RequestID}
	switch {
	case c.Code == "":
		s.record(e)
	case c.Throttled:
		e.why = throttled
		s.record(e)
	default:
		s.fails(e, c.Code)
	}
}

// throttled marks a call that was refused for the quota.
const throttled Why = 255

func (s *Story) fails(e event, code string) {
	if s == nil {
		return
	}
	e.at = time.Now().UnixNano()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.add(e)
	s.failing = true
	if code != "" {
		s.code = code
	}
}

// Counts says of the call told last what its failure counts for; counted is how
// many attempts have counted by now.
func (s *Story) Counts(c Counting, counted int) {
	s.ofCall(func(e *event) { e.counts, e.tries = c, int32(counted) })
}

// Again says of the call told last when the next one comes.
func (s *Story) Again(in time.Duration) {
	s.ofCall(func(e *event) { e.wait = in })
}

func (s *Story) ofCall(say func(*event)) {
	if s == nil {
		return
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if e := s.last(); e != nil && e.kind == called {
		say(e)
	}
}

// Waits tells that it has to wait, and for how long where that is known.
func (s *Story) Waits(why Why, d time.Duration, text string) {
	s.record(event{kind: waits, why: why, wait: d, text: short(text)})
}

// LostTo tells that a value newer by that much was in the call with this request
// id, or, with before, applied already.
func (s *Story) LostTo(before bool, by time.Duration, requestID string) {
	e := event{kind: superseded, took: by, request: requestID}
	if before {
		e.n = 1
	}
	s.record(e)
}

// LetterFailed tells that its dead letter could not be stored.
func (s *Story) LetterFailed(code string) { s.record(event{kind: letterFailed, code: code}) }

// LetterPutOff tells that it was given back because letters cannot be stored.
func (s *Story) LetterPutOff(code string, d time.Duration) {
	s.record(event{kind: letterPutOff, code: code, wait: d})
}

// LetGo tells that it was left to the end of its lease, for so long, because deletes or
// releases fail.
func (s *Story) LetGo(code string, d time.Duration) {
	s.record(event{kind: letGo, code: code, wait: d})
}

// Deleted tells that the queue has it no more.
func (s *Story) Deleted() { s.record(event{kind: deleted}) }

// Visible tells that others may receive it.
func (s *Story) Visible() { s.record(event{kind: visible}) }

// Unsettled tells that deleting it or giving it back failed.
func (s *Story) Unsettled(code string) { s.record(event{kind: unsettled, code: code}) }

// Ended tells of its outcome. f is the letter's where it is a dead letter.
func (s *Story) Ended(o message.Outcome, f *message.Failure) {
	if s == nil {
		return
	}
	e := event{kind: ended, at: time.Now().UnixNano(), end: uint8(slices.Index(message.Outcomes, o))}
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	s.outcome = o
	switch o {
	case message.DeadLettered:
		s.failing, s.reason, s.code = true, f.Reason, f.Code
		e.code, e.text, e.request = string(f.Reason), short(f.Detail), f.RequestID
		if f.Code != "" {
			e.code += ", " + f.Code
		}
	case message.Released: // it stays as it was
	default:
		s.failing, s.code = false, ""
	}
	s.add(e)
	to := &l.recent
	if s.failing {
		to = &l.failed
	}
	if s.on != nil || s.gone {
		return
	}
	if gone := to.put(s); gone != nil {
		l.forget(gone)
	}
}

// short is s, or as much of it as is kept.
func short(s string) string {
	if len(s) <= mostText {
		return s
	}
	return strings.ToValidUTF8(s[:mostText], "") + "…"
}
