package timeline

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

// Rendered is a story in words, as /status/messages/{id} shows it.
type Rendered struct {
	ID      string `json:"id"`
	Thing   string `json:"thing"`   // empty if it could not be read
	Outcome string `json:"outcome"` // "waiting" while there is none
	TraceID string `json:"trace_id,omitempty"`
	Events  []Step `json:"events"`
}

// Step is one thing that happened.
type Step struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`   // in a word or two
	Detail string    `json:"detail"` // in a sentence
}

// Summary is one line about a message, as /status/messages shows it.
type Summary struct {
	ID      string    `json:"id"`
	Thing   string    `json:"thing"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason"` // of a dead letter
	Code    string    `json:"code"`   // of the last failure
	At      time.Time `json:"at"`     // when something last happened to it
}

func (s *story) summaryLocked() Summary {
	b := Summary{ID: s.id, Thing: s.thing, Outcome: string(s.outcome), Reason: string(s.reason), Code: s.code}
	if last := s.lastLocked(); last != nil {
		b.At = time.Unix(0, last.at)
	}
	return b
}

func (s *story) renderLocked() Rendered {
	t := Rendered{ID: s.id, Thing: s.thing, Outcome: string(s.outcome), TraceID: s.trace, Events: make([]Step, 0, len(s.events)+1)}
	before := time.Time{}
	for i := range s.events {
		e := &s.events[i]
		at := time.Unix(0, e.at)
		if s.omitted > 0 && i == min(firstKept, len(s.events)-1) {
			t.Events = append(t.Events, Step{At: at, What: "not kept", Detail: strconv.Itoa(s.omitted) + " more events that are not kept"})
		}
		what, detail := s.words(e, before)
		t.Events = append(t.Events, Step{At: at, What: what, Detail: detail})
		before = at
	}
	return t
}

// Write writes the story for a person: a heading, then a line for each event with its time,
// and how long after the one before it came.
func (t Rendered) Write(w io.Writer) error {
	heading := "message " + t.ID
	if t.Thing != "" {
		heading += ", an update of thing " + t.Thing
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\noutcome: %s\n", printable.Line(heading), printable.Line(t.explain()))
	if t.TraceID != "" {
		fmt.Fprintf(&b, "trace:   %s\n", printable.Line(t.TraceID))
	}
	if len(t.Events) > 0 {
		fmt.Fprintf(&b, "\n%s (times are UTC)\n", t.Events[0].At.UTC().Format(time.DateOnly))
	}
	var before time.Time
	for _, step := range t.Events {
		after := ""
		if !before.IsZero() {
			after = "+" + length(step.At.Sub(before))
		}
		fmt.Fprintf(&b, "  %s %9s  %s\n", step.At.UTC().Format("15:04:05.000"), after, printable.Line(step.Detail))
		before = step.At
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// meanings say what an outcome means.
var meanings = map[message.Outcome]string{
	Waiting:              "none yet; the worker holds the message",
	message.Applied:      "the thing has its values",
	message.Superseded:   "nothing of it was needed: newer values are applied",
	message.Unsure:       "newer values are applied, but they may not set all that it would have set",
	message.Duplicate:    "the same event had been applied before",
	message.Unchanged:    "there was nothing to change",
	message.DeadLettered: "it is in the dead-letter queue",
	message.Released:     "it was given back to the queue, and comes again",
}

func (t Rendered) explain() string {
	meaning, ok := meanings[message.Outcome(t.Outcome)]
	switch {
	case !ok:
		return t.Outcome
	case t.Outcome == string(message.DeadLettered):
		meaning += "; worker dlq show " + t.ID + " shows it"
	}
	return t.Outcome + " (" + meaning + ")"
}

// length is a duration with as many digits as a person wants.
func length(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
