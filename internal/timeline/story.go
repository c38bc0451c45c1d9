package timeline

import (
	"container/list"
	"slices"
	"strings"
	"time"
	"unsafe"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

// Waiting is the outcome of a message that is held and has none yet.
const Waiting message.Outcome = "waiting"

const (
	firstKept = 8  // a long story keeps its beginning
	mostKept  = 32 // and its end

	// Its places in the map and among the finished ones included.
	storyBytes = int(unsafe.Sizeof(story{})+unsafe.Sizeof(list.Element{})) + 64

	// places is how many events a story gets room for at a time: most messages are
	// received, called, applied and deleted. Places that stay empty count as well.
	places     = 4
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
	failing bool           // the last call failed, or the message did not end well
	gone    bool           // forgotten
	events  []event
	omitted int // events that were not kept
	bytes   int

	in    *finished // nil while it is held
	place *list.Element
}

// change calls by with the lock held, if there is a story and it is not forgotten.
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

// record adds an event, which happened now.
func (s *story) record(e event) {
	s.change(func() { s.addLocked(e) })
}

func (s *story) addLocked(e event) {
	e.at = time.Now().UnixNano()
	if i := s.repeatsLocked(e); i >= 0 {
		first := s.events[i]
		e.times, e.since = first.times+1, first.since
		s.resizeLocked(e.size() - first.size())
		s.events = append(slices.Delete(s.events, i, i+1), e)
		return
	}
	e.since = e.at
	size, full := e.size(), len(s.events) == cap(s.events) && len(s.events) < mostKept
	if full {
		size += places * eventBytes
	}
	if !s.log.roomLocked(size) || s.gone { // what makes room may be the story itself
		s.omitted++
		return
	}
	if len(s.events) == mostKept {
		s.resizeLocked(-s.events[firstKept].size())
		s.events = slices.Delete(s.events, firstKept, firstKept+1)
		s.omitted++
	}
	if full {
		s.events = append(make([]event, 0, len(s.events)+places), s.events...)
	}
	s.events = append(s.events, e)
	s.resizeLocked(size)
}

func (s *story) lastLocked() *event {
	if len(s.events) == 0 {
		return nil
	}
	return &s.events[len(s.events)-1]
}

// repeatsLocked is the index of the event that e repeats: the last one, or the one before
// it if one of e and the last is a renewed lease; -1 if there is none.
func (s *story) repeatsLocked(e event) int {
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

func (s *story) resizeLocked(by int) {
	s.bytes += by
	s.log.bytes += by
}

// about says which thing the message is about. thing is copied.
func (s *story) about(thing string) {
	s.change(func() {
		s.resizeLocked(len(thing) - len(s.thing))
		s.thing = strings.Clone(thing) // it may be a piece of the message's body
	})
}

// tracedBy says which trace the message belongs to.
func (s *story) tracedBy(trace string) {
	s.change(func() {
		s.resizeLocked(len(trace) - len(s.trace))
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
		if e := s.lastLocked(); e != nil && e.kind == called {
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
		e.code, e.text, e.request = string(f.Reason), printable.Cut(f.Detail, mostText), f.RequestID
		if f.Code != "" {
			e.code += ", " + f.Code
		}
	case message.Released: // it stays as it was
	default:
		s.failing, s.code = false, ""
	}
	s.addLocked(e)
	if s.in != nil || s.gone { // the event may have had no room but the story's own
		return
	}
	to := &s.log.recent
	if s.failing {
		to = &s.log.failed
	}
	if to.Len() == to.most {
		s.log.forgetLocked(to.Front().Value.(*story))
	}
	s.in, s.place = to, to.PushBack(s)
}

// resumeLocked takes the story from among the finished ones, if it is there.
func (s *story) resumeLocked() {
	if s.in != nil {
		s.in.Remove(s.place)
		s.in, s.place = nil, nil
	}
}
