package timeline

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/telemetry"
)

// Recorder is told what happens to the messages of one queue.
type Recorder struct {
	Metrics *telemetry.Metrics
	Queue   *telemetry.QueueMetrics
	Stories *Log // nil: there are none
}

// Message is a message that is held. Its methods tell what happens to it: to the metrics,
// to its story and to its span. They return at once.
type Message struct {
	message.Incoming                         // as it was first received
	HeldSince        time.Time               // when that was, by our clock
	Trace            *telemetry.MessageTrace // its span; nil: it has none

	to    *Recorder
	story *story // nil: nothing is remembered
}

// Received tells of the receive of a message that is not held. One that was here before
// goes on with its earlier story.
func (r *Recorder) Received(in message.Incoming, now time.Time) Message {
	r.Metrics.Received.Inc()
	return Message{Incoming: in, HeldSince: now, to: r, story: r.Stories.begin(in)}
}

// TracedBelow begins the message's span, below that of its receive.
func (m *Message) TracedBelow(r *telemetry.Receiving) {
	m.Trace = r.Process(m.Incoming)
	m.story.tracedBy(m.Trace.TraceID())
}

// About says which thing the message is about.
func (m *Message) About(thing string) {
	m.Trace.About(thing)
	m.story.about(thing)
}

// ReceivedAgain tells that it was received again while it was held.
func (m *Message) ReceivedAgain(receives int) {
	m.to.Metrics.ReceivedAgain.Inc()
	m.story.record(event{kind: receivedAgain, n: int32(receives)})
}

// LeaseRenewed tells that its visibility timeout was extended to so long from now.
func (m *Message) LeaseRenewed(length time.Duration) {
	m.to.Metrics.LeasesRenewed.Inc()
	m.story.record(event{kind: leaseRenewed, wait: length})
}

// LeaseLost tells that its visibility timeout ended while it was held.
func (m *Message) LeaseLost() {
	m.to.Metrics.LeasesLost.Inc()
	m.story.fails(event{kind: leaseLost}, "")
}

// HeldTooLong tells that it was held for as long as SQS allows.
func (m *Message) HeldTooLong() { m.story.fails(event{kind: heldTooLong}, "") }

// Stranded tells that the worker had to stop before its work was done.
func (m *Message) Stranded() {
	m.to.Metrics.Stranded.Inc()
	m.story.record(event{kind: stranded})
}

// Stopping tells that it came in when the worker stopped.
func (m *Message) Stopping() { m.story.record(event{kind: stopping}) }

var countings = map[telemetry.Counting]Counting{
	telemetry.Counted:    CountsAgainst,
	telemetry.Trouble:    TroubleOfTheService,
	telemetry.NoEvidence: NothingToCompareWith,
}

// Attempted says whether the failure of the last call counts as an attempt; counted is how
// many have counted by now.
func (m *Message) Attempted(c telemetry.Counting, counted int) {
	m.to.Metrics.Attempts.Inc(c)
	m.Counts(countings[c], counted)
}

// Counts is Attempted for a failure that is no evidence about the message.
func (m *Message) Counts(c Counting, counted int) {
	m.story.ofCall(func(e *event) { e.counts, e.tries = c, int32(counted) })
}

// Again says when the next call comes, after one that failed.
func (m *Message) Again(in time.Duration) {
	m.story.ofCall(func(e *event) { e.wait = in })
}

// Waits tells that it has to wait, and for how long if that is known.
func (m *Message) Waits(why Why, d time.Duration, text string) {
	m.story.record(event{kind: waits, why: why, wait: d, text: printable.Cut(text, mostText)})
}

// LostTo tells that a newer value is applied, newer by that much, and by the call with
// this request id if there was one.
func (m *Message) LostTo(where telemetry.LostTo, by time.Duration, requestID string) {
	m.to.Metrics.Superseded(where, by)
	e := event{kind: superseded, took: by}
	if where == telemetry.LostToRecord {
		e.n = 1
	} else {
		e.request = requestID
	}
	m.story.record(e)
}

// LetterFailed tells that its dead letter could not be stored.
func (m *Message) LetterFailed(code string) { m.story.record(event{kind: letterFailed, code: code}) }

// LetterPutOff tells that it was given back because letters cannot be stored.
func (m *Message) LetterPutOff(code string, d time.Duration) {
	m.to.Metrics.LettersPutOff.Inc()
	m.story.record(event{kind: letterPutOff, code: code, wait: d})
}

// LetGo tells that it was left to the end of its lease, for so long, because deletes or
// releases fail.
func (m *Message) LetGo(code string, d time.Duration) {
	m.to.Metrics.LetGo.Inc()
	m.story.record(event{kind: letGo, code: code, wait: d})
}

// Deleted tells that it is not in the queue any more.
func (m *Message) Deleted() { m.story.record(event{kind: deleted}) }

// Visible tells that others may receive it.
func (m *Message) Visible() { m.story.record(event{kind: visible}) }

// Unsettled tells that deleting it or giving it back failed.
func (m *Message) Unsettled(code string) { m.story.record(event{kind: unsettled, code: code}) }

// Ended tells of its outcome. f is the letter's if it is a dead letter.
func (m *Message) Ended(o message.Outcome, f *message.Failure) {
	now := time.Now()
	var reason message.Reason
	switch o {
	case message.Applied:
		m.to.Metrics.SentToApplied.Observe(max(0, m.SinceSent(now).Seconds()))
	case message.DeadLettered:
		reason = f.Reason // the writer of the letters counts them
	}
	m.to.Metrics.Settled.Inc(o)
	m.to.Queue.Processed(now.Sub(m.HeldSince), reason)
	m.Trace.End(o, f)
	m.story.ended(o, f)
}
