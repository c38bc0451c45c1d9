package app

import (
	"fmt"
	"time"

	"managed-thing-updater/internal/timeline"
)

// Message tells what happened to the message with this SQS MessageId, and what it
// waits for now where it has no outcome; false where nothing is remembered of it.
func (w *Worker) Message(id string) (timeline.Told, bool) {
	told, ok := w.stories.Find(id)
	if !ok || told.Outcome != string(timeline.Waiting) {
		return told, ok
	}
	told.Events = append(told.Events, timeline.Step{At: time.Now(), What: "now", Detail: w.waitsFor()})
	return told, true
}

// waitsFor says what a message without an outcome waits for.
func (w *Worker) waitsFor() string {
	if s := w.circuit.State(); s.Open {
		return "it waits, as all messages do: the circuit is open since " + s.Since.UTC().Format(time.RFC3339) + ", " + whyIsOpen(s)
	}
	if since, on := w.admission.Pause.Since(); on {
		return "it waits, as all messages do: " + pausedSince(since)
	}
	things := w.backlog.Things()
	wait := " things wait"
	if things == 1 {
		wait = " thing waits"
	}
	return fmt.Sprintf("it waits for its next call: %d%s, and %.1f calls a second may go out", things, wait, w.pace.Rate())
}

// Messages lists what is remembered of messages, newest first; with failed, only
// those that were dead-lettered or lost, or whose last call failed.
func (w *Worker) Messages(n int, failed bool) []timeline.Brief { return w.stories.Latest(n, failed) }

// stories are the worker's, as the admin side asks for them.
type stories struct{ w *Worker }

func (s stories) Find(id string) (timeline.Told, bool)       { return s.w.Message(id) }
func (s stories) Latest(n int, failed bool) []timeline.Brief { return s.w.Messages(n, failed) }
