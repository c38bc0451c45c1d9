package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// calls are the calls for a thing, or for all if thing is empty.
func (r *rig) calls(thing string) []localcloud.Call {
	all := r.cloud.Things.Calls()
	return slices.DeleteFunc(slices.Clone(all), func(c localcloud.Call) bool { return thing != "" && c.Thing != thing })
}

// applied is how often a thing's calls were applied.
func (r *rig) applied(thing string) int {
	n := 0
	for _, c := range r.calls(thing) {
		if c.Applied {
			n++
		}
	}
	return n
}

// bodies are the bodies of the thing's calls, in their order.
func (r *rig) bodies(thing string) []string {
	var out []string
	for _, c := range r.calls(thing) {
		out = append(out, c.Body)
	}
	return out
}

// wantCalls checks the number of calls for a thing, or of all if thing is empty.
func (r *rig) wantCalls(thing string, n int) {
	r.t.Helper()
	if got := r.bodies(thing); len(got) != n {
		r.t.Errorf("%d calls for %q, want %d:\n%s", len(got), thing, n, strings.Join(got, "\n"))
	}
}

// wantMember checks a member of a thing as the API has it.
func (r *rig) wantMember(thing, member, raw string) {
	r.t.Helper()
	members, _ := r.cloud.Things.Get(thing)
	if got := string(members[member]); got != raw {
		r.t.Errorf("%s of %s is %s, want %s", member, thing, got, raw)
	}
}

// once counts the things of sendNames whose call was applied, and checks that none was
// called twice.
func (r *rig) once(prefix string, n int) (applied int) {
	r.t.Helper()
	calls := map[string]int{}
	for _, c := range r.cloud.Things.Calls() {
		calls[c.Thing]++
		if calls[c.Thing] == 2 && strings.HasPrefix(c.Thing, prefix+"-") {
			r.t.Errorf("%s was called again", c.Thing)
		}
	}
	for i := range n {
		thing := fmt.Sprintf("%s-%d", prefix, i)
		if members, _ := r.cloud.Things.Get(thing); string(members["Name"]) == `"new"` {
			applied++
		}
	}
	return applied
}

// wantAppliedOnce checks the things of sendNames.
func (r *rig) wantAppliedOnce(prefix string, n int) {
	r.t.Helper()
	if applied := r.once(prefix, n); applied != n {
		r.t.Errorf("%d of %d things are updated", applied, n)
	}
}

type letter struct {
	localcloud.Stored
	Failure message.Failure
}

// letters are the dead letters, each with its Failure.
func (r *rig) letters() []letter {
	r.t.Helper()
	var out []letter
	for _, m := range r.cloud.SQS.Messages(r.dlq) {
		l := letter{Stored: m}
		if text := m.Attributes["Failure"].StringValue; text != "" {
			if err := json.Unmarshal([]byte(text), &l.Failure); err != nil {
				r.t.Errorf("the Failure of letter %s is not readable: %v", m.ID, err)
			}
		}
		out = append(out, l)
	}
	return out
}

// letterOf is the dead letter of a message, if there is one.
func (r *rig) letterOf(id string) (letter, bool) {
	for _, l := range r.letters() {
		if l.Failure.MessageID == id {
			return l, true
		}
	}
	return letter{}, false
}

// wantLetter waits for the dead letter of a message.
func (r *rig) wantLetter(id string, within time.Duration) letter {
	r.t.Helper()
	r.until("the letter of message "+id+" is stored", within, func() bool { _, ok := r.letterOf(id); return ok })
	l, _ := r.letterOf(id)
	return l
}

// oneLetter is the only dead letter, of the reason.
func (r *rig) oneLetter(reason message.Reason) letter {
	r.t.Helper()
	letters := r.letters()
	if len(letters) != 1 {
		r.t.Fatalf("%d dead letters, want 1 (%s)", len(letters), reason)
	}
	if got := letters[0].Failure.Reason; got != reason {
		r.t.Fatalf("the letter's reason is %q, want %q: %+v", got, reason, letters[0].Failure)
	}
	return letters[0]
}

func (r *rig) wantNoLetters() {
	r.t.Helper()
	if letters := r.letters(); len(letters) > 0 {
		r.t.Errorf("%d dead letters, want none; the first: %+v", len(letters), letters[0].Failure)
	}
}

// wantOnlyLetters checks how many dead letters there are.
func (r *rig) wantOnlyLetters(n int) {
	r.t.Helper()
	if letters := r.letters(); len(letters) != n {
		r.t.Errorf("%d dead letters, want %d", len(letters), n)
		for _, l := range letters {
			r.t.Logf("%s: %+v", l.Body, l.Failure)
		}
	}
}

func (r *rig) requests(action string) int { return r.cloud.SQS.Requests()[action] }

// allRequests is the number of requests of any kind, to either service.
func (r *rig) allRequests() int {
	n := len(r.calls(""))
	for _, of := range r.cloud.SQS.Requests() {
		n += of
	}
	return n
}

// wantReceivedOnce checks that every message was received once: a lease that ends
// too soon shows as a second receive.
func (r *rig) wantReceivedOnce(messages int) {
	r.t.Helper()
	if receives, _ := r.cloud.SQS.Receives(r.queue); receives != messages {
		r.t.Errorf("%d receives of %d messages", receives, messages)
	}
}

// wantLeft checks how many messages are left in the source queue.
func (r *rig) wantLeft(n int) {
	r.t.Helper()
	if got := r.cloud.SQS.Len(r.queue); got != n {
		r.t.Errorf("%d messages left in the queue, want %d", got, n)
	}
}

// wantNothingInFlight checks that all that is left in the source queue is visible.
func (r *rig) wantNothingInFlight() {
	r.t.Helper()
	for _, m := range r.cloud.SQS.Messages(r.queue) {
		if m.InFlight {
			r.t.Errorf("left in flight: %s %.80s", m.ID, m.Body)
		}
	}
}

// outcomes are a worker's settled messages.
func (w *worker) outcomes() map[string]int { return w.Status().Messages.Outcomes }

// wantOutcomes checks outcomes by name; those not named must be 0.
func (w *worker) wantOutcomes(want map[message.Outcome]int) {
	w.t.Helper()
	got := w.outcomes()
	for _, o := range message.Outcomes {
		if got[string(o)] != want[o] {
			w.t.Errorf("%d messages %s, want %d (all: %v)", got[string(o)], o, want[o], got)
		}
	}
}

// addsUp checks that every message received has exactly one outcome.
func (w *worker) addsUp() {
	w.t.Helper()
	s := w.Status().Messages
	sum := s.Held
	for _, n := range s.Outcomes {
		sum += n
	}
	if sum != s.Received {
		w.t.Errorf("%d messages received, but outcomes and held come to %d: %+v", s.Received, sum, s)
	}
}

// lines are the worker's log lines, one each.
func (w *worker) lines() string {
	var b strings.Builder
	for _, e := range w.logs.All() {
		fields, _ := json.Marshal(e.ContextMap())
		fmt.Fprintf(&b, "%s %s %s\n", e.Level, e.Message, fields)
	}
	return b.String()
}

// wantLines checks how many log lines hold the text.
func (w *worker) wantLines(text string, n int) {
	w.t.Helper()
	got := 0
	for line := range strings.Lines(w.lines()) {
		if strings.Contains(line, text) {
			got++
		}
	}
	if got != n {
		w.t.Errorf("%d log lines with %q, want %d:\n%s", got, text, n, w.lines())
	}
}

// wantLastLine checks a number in the last log line, "stopped".
func (w *worker) wantLastLine(field string, want int64) {
	w.t.Helper()
	all := w.logs.All()
	last := all[len(all)-1]
	if got := last.ContextMap()[field]; last.Message != "stopped" || got != want {
		w.t.Errorf("the last line is %q with %s=%v, want \"stopped\" with %d", last.Message, field, got, want)
	}
}
