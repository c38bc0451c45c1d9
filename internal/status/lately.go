package status

import (
	"slices"
	"sync"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

const (
	markEvery = 5 * time.Second
	mostMarks = 12 // a minute of them
)

// lastMinute is what became of the calls of the last minute. The zero value is ready for
// use, by many goroutines.
type lastMinute struct {
	mu    sync.Mutex
	marks []mark // oldest first, at most mostMarks
	// callSeconds is what a call took on average, in the last minute that had calls.
	callSeconds float64
}

// mark has the sums at one moment, counted from the worker's start.
type mark struct {
	at        time.Time
	rate      float64 // calls a second
	allowed   float64 // calls that the rate would have let out
	calls     float64
	throttled float64
	settled   float64 // messages that a call settled
	ended     float64 // messages with an outcome
	requests  float64 // to SQS
	answers   float64 // calls that have ended
	seconds   float64 // that those took, all together
}

// shares are those of the last minute; all but rate and callSeconds are 0 if there is
// nothing to divide by.
type shares struct {
	rate        float64 // calls a second that the rate would have let out, on average
	utilisation float64 // calls made, of those that the rate would have let out
	throttled   float64 // of the calls
	perCall     float64 // messages settled, for each call
	perMessage  float64 // requests to SQS, for each message with an outcome
	callSeconds float64 // that a call took on average, in the last minute that had calls; 0 before the first
}

// since fills in what the rate would have let out, and returns m with what was spent
// since the oldest mark.
func (l *lastMinute) since(m mark) (mark, shares) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sampleLocked(m)
}

func (l *lastMinute) sampleLocked(m mark) (mark, shares) {
	out := shares{rate: m.rate, callSeconds: l.callSeconds}
	if len(l.marks) == 0 {
		return m, out
	}
	first, last := l.marks[0], l.marks[len(l.marks)-1]
	m.allowed = last.allowed + (last.rate+m.rate)/2*m.at.Sub(last.at).Seconds()
	if passed := m.at.Sub(first.at).Seconds(); passed > 0 {
		out.rate = (m.allowed - first.allowed) / passed
	}
	calls := m.calls - first.calls
	out.utilisation = min(1, share(calls, m.allowed-first.allowed))
	out.throttled = share(m.throttled-first.throttled, calls)
	out.perCall = share(m.settled-first.settled, calls)
	out.perMessage = share(m.requests-first.requests, m.ended-first.ended)
	if seconds := share(m.seconds-first.seconds, m.answers-first.answers); seconds > 0 {
		l.callSeconds, out.callSeconds = seconds, seconds
	}
	return m, out
}

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// note keeps a mark, and forgets those that are older than a minute.
func (l *lastMinute) note(m mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, _ = l.sampleLocked(m)
	if len(l.marks) == mostMarks {
		l.marks = slices.Delete(l.marks, 0, 1)
	}
	l.marks = append(l.marks, m)
}

func (r *Reporter) mark() mark {
	m := r.of.Metrics
	settled := m.Settled.Of(message.Applied).Count() + m.Settled.Of(message.Superseded).Count() + m.Settled.Of(message.Unsure).Count()
	answers, took := m.CallSeconds.Sum()
	return mark{
		at: time.Now(), rate: r.parts.Load().Pace.Rate(),
		calls: float64(m.Calls.Sum()), throttled: float64(m.Calls.Of(telemetry.CallThrottled).Count()),
		settled: float64(settled), ended: float64(m.Settled.Sum()), requests: float64(m.SQSRequests.Sum()),
		answers: float64(answers), seconds: took.Seconds(),
	}
}

func (r *Reporter) shares() shares {
	_, s := r.lately.since(r.mark())
	return s
}

// drain estimates, from the last minute's rate and throttled share, how many seconds the
// calls take for all that is held, and for what is known to wait in the queue: as many
// messages a call as lately. If the quota has just fallen, the rate of now counts, not
// the minute's. ok is false while the circuit is open and during a pause: it is not known.
//
// It is a number of seconds and no time.Duration, which ends at 292 years: ten million
// messages at the least rate take longer.
func (r *Reporter) drain(s shares) (seconds float64, ok bool) {
	if r.of.Circuit.State().Open || r.of.Admission.Pause.On() {
		return 0, false
	}
	through := max(0.01, 1-s.throttled) // of the calls
	calls := float64(r.of.Backlog.Things())
	if queued := r.queued.Load(); queued != nil {
		calls += float64(*queued) / max(1, s.perCall/through)
	}
	rate := min(s.rate, r.parts.Load().Pace.Rate())
	if !(rate > 0) {
		return 0, false
	}
	return calls / (rate * through), true
}

// longestWait bounds ExpectedWait: no message is held for longer.
const longestWait = 12 * time.Hour

// ExpectedWait is how long a message that joins the line now will wait, from 0 to
// longestWait.
func (r *Reporter) ExpectedWait() time.Duration {
	rate := r.parts.Load().Pace.Rate()
	if !(rate > 0) {
		return 0
	}
	seconds := min(float64(r.of.Backlog.Things())/rate, longestWait.Seconds())
	return time.Duration(seconds * float64(time.Second))
}
