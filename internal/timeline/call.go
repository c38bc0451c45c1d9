package timeline

import (
	"time"

	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/telemetry"
)

// Call is a call of the API that is under way.
type Call struct {
	metrics *telemetry.Metrics
	span    *telemetry.Request
	start   time.Time
}

// Answer is how a call ended, as the messages that it carried are told.
type Answer struct {
	Others    int // messages in the same call
	Result    telemetry.CallResult
	Code      string // empty if it succeeded
	Detail    string // masked
	RequestID string
	Took      time.Duration // set by Call.Ended
}

// StartCall begins a call that stands for n messages of a thing.
func StartCall(m *telemetry.Metrics, traces *telemetry.Traces, thing string, n int, of func(int) *Message) Call {
	m.CallsInFlight.Add(1)
	span := traces.Call(thing, n, func(i int) *telemetry.MessageTrace { return of(i).Trace })
	return Call{m, span, time.Now()}
}

// NotMade tells that its time was over before it began.
func (c Call) NotMade() {
	c.metrics.CallsInFlight.Add(-1)
	c.span.End("", "late", "")
}

// Ended tells how it ended. The answer is then for the messages' Called.
func (c Call) Ended(a *Answer) {
	a.Took = time.Since(c.start)
	c.metrics.CallsInFlight.Add(-1)
	c.metrics.CallSeconds.Observe(a.Took)
	c.metrics.Calls.Inc(a.Result)
	c.span.End(a.RequestID, a.Code, a.Detail)
}

// Called tells of a call that carried the message.
func (m *Message) Called(a Answer) {
	e := event{kind: called, n: int32(a.Others), took: a.Took, code: a.Code, text: printable.Cut(a.Detail, mostText), request: a.RequestID}
	switch {
	case a.Code == "":
		m.story.record(e)
	case a.Result == telemetry.CallThrottled:
		e.why = throttled
		m.story.record(e)
	default:
		m.story.fails(e, a.Code)
	}
}

// throttled marks a call that was refused for the quota.
const throttled Why = 255
