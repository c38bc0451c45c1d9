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

	storyBytes = int(unsafe.Sizeof(story{})) + 64 // its place in the map included
	eventBytes = int(unsafe.Sizeof(event{}))
)

// story is what happened to one message. Methods that lock do nothing if it is nil.
type story struct {
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
	older, newer *story // on the shelf
}

// change lets by change the story, if there is one and it is not forgotten.
func (s *story) change(by func()) {
	if s == nil {
		return
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if !s.gone {
		by()
	}
}

// record takes down an event, which happened now.
func (s *story) record(e event) {
	s.change(func() { s.addLocked(e) })
}

func (s *story) addLocked(e event) {
	e.at = time.Now().UnixNano()
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
func (s *story) morePlaces() int {
	if len(s.events) < cap(s.events) || len(s.events) == mostKept {
		return 0
	}
	return max(usual, cap(s.events))
}

func (s *story) last() *event {
	if len(s.events) == 0 {
		return nil
	}
	return &s.events[len(s.events)-1]
}

// repeats is which event e is one more of, -1 where there is none: the last one, or
// the one before where the last is a renewed lease, and the other way round.
func (s *story) repeats(e event) int {
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

func (s *story) resize(by int) {
	s.bytes += by
	s.log.bytes += by
}

// about says which thing the message is about. thing is copied.
func (s *story) about(thing string) {
	s.change(func() {
		s.resize(len(thing) - len(s.thing))
		s.thing = strings.Clone(thing) // it may be a piece of the message's body
	})
}

// tracedBy says which trace the message belongs to.
func (s *story) tracedBy(trace string) {
	s.change(func() {
		s.resize(len(trace) - len(s.trace))
		s.trace = trace
	})
}

// fails records an event that is a failure, with its code if it has one.
func (s *story) fails(e event, code string) {
	s.change(func() {
		s.addLocked(e)
		s.failing = true
		if code != "" {
			s.code = code
		}
	})
}

// ofCall says more of the last event if that is a call.
func (s *story) ofCall(say func(*event)) {
	s.change(func() {
		if e := s.last(); e != nil && e.kind == called {
			say(e)
		}
	})
}

// ended finishes the story, until the message comes again.
func (s *story) ended(o message.Outcome, f *message.Failure) {
	s.change(func() { s.endLocked(o, f) })
}

func (s *story) endLocked(o message.Outcome, f *message.Failure) {
	e := event{kind: ended, end: uint8(slices.Index(message.Outcomes, o))}
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
	s.addLocked(e)
	if s.on != nil || s.gone { // the event may have had no room but the story's own
		return
	}
	to := &s.log.recent
	if s.failing {
		to = &s.log.failed
	}
	if gone := to.put(s); gone != nil {
		s.log.forget(gone)
	}
}

// short is s, or as much of it as is kept.
func short(s string) string {
	if len(s) <= mostText {
		return s
	}
	return strings.ToValidUTF8(s[:mostText], "") + "…"
}
