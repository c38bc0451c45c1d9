package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// model is what was sent and what was seen of it. It works out what must have come of
// it: for each member of each thing, the value of the newest event that set it.
//
// fleet.Ledger does the same for large fleets, by digests and at the end alone. The model
// also knows what each message left behind when it left the queue, and what an API that
// merges makes of members with keys.
type model struct {
	fifo      bool
	merges    bool // the API merges keyed members
	semantics string

	mu   sync.Mutex
	sent []*event
	gone map[string]time.Time // message id: when it was first seen to be out of the queue
}

// send puts an event into the queue. A copy that SQS itself drops is no event.
func (s *model) send(r *rig, e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	id := r.cloud.SQS.Send(r.queue, localcloud.Message{Body: e.body, Attributes: e.attribute, GroupID: e.group, DedupID: e.dedup, SentAt: now})
	if slices.ContainsFunc(s.sent, func(o *event) bool { return o.id == id }) {
		return
	}
	e.id, e.sentAt, e.seq = id, time.UnixMilli(now.UnixMilli()), len(s.sent)
	s.sent = append(s.sent, e)
}

// note remembers which messages are out of the queue.
func (s *model) note(r *rig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := map[string]bool{}
	for _, m := range r.cloud.SQS.Messages(r.queue) {
		in[m.ID] = true
	}
	if s.gone == nil {
		s.gone = map[string]time.Time{}
	}
	for _, e := range s.sent {
		if _, known := s.gone[e.id]; !known && !in[e.id] {
			s.gone[e.id] = time.Now()
		}
	}
}

// inOrder are the sent events that have an effect, oldest first.
func (s *model) inOrder() []*event {
	return slices.SortedFunc(slices.Values(slices.DeleteFunc(slices.Clone(s.sent), func(e *event) bool { return e.void != "" })), s.compare)
}

// expected are the members that each thing must have, and under an API that
// merges, the keys of each keyed one.
func (s *model) expected() (whole map[string]map[string]string, byKey map[string]map[string]map[string]string) {
	whole, byKey = map[string]map[string]string{}, map[string]map[string]map[string]string{}
	for _, e := range s.inOrder() {
		if whole[e.thing] == nil {
			whole[e.thing], byKey[e.thing] = map[string]string{}, map[string]map[string]string{}
		}
		for name, raw := range e.members {
			if !keyed[name] || !s.merges {
				whole[e.thing][name] = string(raw)
				continue
			}
			if byKey[e.thing][name] == nil {
				byKey[e.thing][name] = map[string]string{}
			}
			maps.Copy(byKey[e.thing][name], keysOf(name, raw))
		}
	}
	return whole, byKey
}

// differences compares the things with the model. Where keyedToo is not set, the
// members that may be merged are left out.
func (s *model) differences(get func(string) (map[string]json.RawMessage, bool), keyedToo bool) []string {
	var found []string
	whole, byKey := s.expected()
	for thing, members := range whole {
		is, _ := get(thing)
		for name, want := range members {
			if keyed[name] && !keyedToo {
				continue
			}
			if got := string(is[name]); got != want {
				found = append(found, fmt.Sprintf("%s of %s is %s, want %s", name, thing, got, want))
			}
		}
		for name, want := range byKey[thing] {
			if got := keysOf(name, is[name]); keyedToo && !maps.Equal(got, want) {
				found = append(found, fmt.Sprintf("%s of %s is %v, want %v", name, thing, got, want))
			}
		}
		for name := range is {
			if _, ok := members[name]; !ok && byKey[thing][name] == nil {
				found = append(found, fmt.Sprintf("%s of %s was set by no message", name, thing))
			}
		}
	}
	slices.Sort(found)
	return found
}

// lost are the messages that left the queue before their outcome was durable, or
// whose letters are not as they must be. A message has its effect when for each
// value that it sets a call has been applied that carried this one or a newer one.
func (s *model) lost(calls []localcloud.Call, letters []letter) []string {
	var found []string
	byTag := map[int]*event{} // of a producer's copies the newest
	for _, e := range s.sent {
		if o := byTag[e.n]; o == nil || s.compare(e, o) > 0 {
			byTag[e.n] = e
		}
	}
	lettersOf := map[string][]letter{}
	for _, l := range letters {
		lettersOf[l.Failure.MessageID] = append(lettersOf[l.Failure.MessageID], l)
	}
	applied := map[string][]localcloud.Call{}
	for _, c := range calls {
		if c.Applied {
			applied[c.Thing] = append(applied[c.Thing], c)
		}
	}
	for _, e := range s.sent {
		left, ok := s.gone[e.id]
		if !ok {
			found = append(found, fmt.Sprintf("message %s (event %d) never left the queue", e.id, e.n))
			continue
		}
		mine := lettersOf[e.id]
		if e.void == "" {
			if len(mine) > 0 {
				found = append(found, fmt.Sprintf("event %d has a letter: %+v", e.n, mine[0].Failure))
			}
			for _, missing := range s.withoutEffect(e, applied[e.thing], byTag, left) {
				found = append(found, fmt.Sprintf("event %d left the queue at %v before its %s had its effect", e.n, left, missing))
			}
			continue
		}
		superseded := e.void == message.Rejected && len(mine) == 0 && len(s.withoutEffect(e, applied[e.thing], byTag, left)) == 0
		if !superseded && (len(mine) == 0 || mine[0].SentAt.After(left)) {
			found = append(found, fmt.Sprintf("event %d left the queue without a letter: %s", e.n, e.body))
		}
		for _, l := range mine {
			if l.Body != e.body || l.Failure.Reason != e.void {
				found = append(found, fmt.Sprintf("event %d, which is to be %s with %s, has the letter %s with %s", e.n, e.void, e.body, l.Failure.Reason, l.Body))
			}
		}
	}
	for id := range lettersOf {
		if !slices.ContainsFunc(s.sent, func(e *event) bool { return e.id == id }) {
			found = append(found, "a letter for a message that nobody sent: "+id)
		}
	}
	return found
}

// withoutEffect are the places of an event (members, or under a worker that
// merges, members with a key) of which no call applied by then carried this value
// or a newer one.
func (s *model) withoutEffect(e *event, applied []localcloud.Call, byTag map[int]*event, by time.Time) []string {
	open := places(e.members, s.semantics == "merge")
	for _, c := range applied {
		if c.AppliedAt.After(by) || len(open) == 0 {
			continue
		}
		var members map[string]json.RawMessage
		_ = json.Unmarshal([]byte(c.Body), &members)
		for place, raw := range places(members, s.semantics == "merge") {
			found := tagsIn(raw)
			if len(found) == 0 { // an empty list may be newer
				delete(open, place)
			}
			for _, n := range found {
				if o := byTag[n]; o != nil && s.compare(o, e) >= 0 {
					delete(open, place)
				}
			}
		}
	}
	maps.DeleteFunc(open, func(_, raw string) bool { return len(tagsIn(raw)) == 0 }) // no call can be told by it
	return slices.Sorted(maps.Keys(open))
}

func places(members map[string]json.RawMessage, split bool) map[string]string {
	found := map[string]string{}
	for name, raw := range members {
		if !split || !keyed[name] {
			found[name] = string(raw)
			continue
		}
		for key, value := range keysOf(name, raw) {
			found[name+" "+key] = value
		}
	}
	return found
}

// overlaps are pairs of calls for one thing that were under way at once. A call
// is over when it was answered or given up.
func overlaps(calls []localcloud.Call) []string {
	var found []string
	last := map[string]localcloud.Call{}
	for _, c := range calls {
		if before, ok := last[c.Thing]; ok && (before.End.IsZero() || c.At.Before(before.End)) {
			found = append(found, fmt.Sprintf("calls for %s at %v and %v: the first was over at %v", c.Thing, before.At, c.At, before.End))
		}
		last[c.Thing] = c
	}
	return found
}

// backwards are calls that set an older value of a member after a newer one was
// known to be set. A value whose call's outcome is not known may be followed by an
// older one: its message was given back, and comes again.
func (s *model) backwards(calls []localcloud.Call) []string {
	var found []string
	byTag := map[int]*event{}
	for _, e := range s.sent {
		byTag[e.n] = e
	}
	newest := map[string]*event{}
	for _, c := range calls {
		if c.Status != http.StatusNoContent {
			continue
		}
		var members map[string]json.RawMessage
		_ = json.Unmarshal([]byte(c.Body), &members)
		for place, raw := range places(members, s.semantics == "merge") {
			var e *event
			for _, n := range tagsIn(raw) {
				if o := byTag[n]; o != nil && (e == nil || s.compare(o, e) > 0) {
					e = o
				}
			}
			if e == nil {
				continue
			}
			place = c.Thing + " " + place
			if was := newest[place]; was != nil && s.compare(was, e) > 0 {
				found = append(found, fmt.Sprintf("%s: event %d was set after event %d", place, e.n, was.n))
			}
			newest[place] = e
		}
	}
	return found
}

// leaks are the lines of the texts that hold a sensitive value.
func leaks(texts ...string) []string {
	var found []string
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	return found
}

// letterTexts are all that the worker wrote on letters.
func letterTexts(letters []letter) string {
	var b strings.Builder
	for _, l := range letters {
		for _, name := range []string{message.AttributeFailure, message.AttributeOccurredAt, message.AttributeDeduplicationID} {
			b.WriteString(l.Attributes[name].StringValue + "\n")
		}
	}
	return b.String()
}
