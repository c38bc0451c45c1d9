package status

import (
	"fmt"
	"time"

	"managed-thing-updater/internal/timeline"
)

// Find tells what happened to the message with this SQS MessageId, and what it
// waits for now if it has no outcome; false if nothing is remembered of it.
func (r *Reporter) Find(id string) (timeline.Rendered, bool) {
	told, ok := r.of.Timeline.Find(id)
	if !ok || told.Outcome != string(timeline.Waiting) {
		return told, ok
	}
	told.Events = append(told.Events, timeline.Step{At: time.Now(), What: "now", Detail: r.waitsFor()})
	return told, true
}

// waitsFor says what a message without an outcome waits for.
func (r *Reporter) waitsFor() string {
	if s := r.of.Circuit.State(); s.Open {
		return "it waits, as all messages do: the circuit is open since " + s.Since.UTC().Format(time.RFC3339) + ", " + whyIsOpen(s)
	}
	if since, on := r.of.Admission.Pause.Since(); on {
		return "it waits, as all messages do: " + pausedSince(since)
	}
	things := r.of.Backlog.Things()
	wait := " things wait"
	if things == 1 {
		wait = " thing waits"
	}
	return fmt.Sprintf("it waits for its next call: %d%s, and %.1f calls a second may go out", things, wait, r.parts.Load().Pace.Rate())
}

// Latest lists what is remembered of messages, newest first; with failed, only those
// that were dead-lettered or lost, or whose last call failed.
func (r *Reporter) Latest(n int, failed bool) []timeline.Summary {
	return r.of.Timeline.Latest(n, failed)
}
