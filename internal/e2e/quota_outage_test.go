package e2e

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// outage is a trouble of the service: every call gets the fault while it lasts.
type outage struct {
	on    atomic.Bool
	fault localcloud.Fault
}

func (o *outage) call(localcloud.CallInfo) *localcloud.Fault {
	if !o.on.Load() {
		return nil
	}
	return new(o.fault)
}

// outageKind is a trouble that must cost nothing but time.
type outageKind struct {
	name    string
	fault   localcloud.Fault
	things  int           // whose failures open the circuit
	opens   time.Duration // at most, from the trouble's start to the failure that opens
	resumes time.Duration // at most, from its end to the first success
}

var outages = []outageKind{
	{"503", localcloud.Fault{Status: 503, Code: "ServiceUnavailableException"}, 3, time.Second, 5 * time.Second},
	{"connection refused", localcloud.Fault{BreakBefore: true}, 3, time.Second, 5 * time.Second},
	{"hang", localcloud.Fault{Delay: time.Hour}, 3, 11 * time.Second, 8 * time.Second}, // after the call timeout
	{"403 for all", localcloud.Fault{Status: 403, Code: "AccessDeniedException"}, 3, time.Second, 5 * time.Second},
	{"expired credentials", localcloud.Fault{Status: 403, Code: "ExpiredTokenException"}, 1, time.Second, 5 * time.Second},
}

// fed is how often a message comes before, in and after an outage: half of the
// quota.
const fed = 200 * time.Millisecond

// play is a steady feed of distinct things before, in and after an outage of a
// minute.
func (o outageKind) play(q *quotaRun) map[string]float64 {
	trouble := &outage{fault: o.fault}
	usual := q.cloud.Faults.OnCall
	q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		if f := trouble.call(c); f != nil {
			return f
		}
		return usual(c)
	}
	receives := q.watchReceives()
	q.replicas(1)
	sent, stop := q.feed(fed)
	time.Sleep(30 * time.Second)
	trouble.on.Store(true)
	began := time.Now()
	time.Sleep(time.Minute)
	trouble.on.Store(false)
	ended := time.Now()
	caughtUp := func() bool {
		return !slices.ContainsFunc(q.cloud.SQS.Messages(q.queue), func(m localcloud.Stored) bool { return m.SentAt.Before(ended) })
	}
	for !caughtUp() && time.Since(ended) < 10*time.Minute {
		time.Sleep(time.Second)
	}
	stop()
	q.settled(10 * time.Minute)

	y := q.tally()
	f := map[string]float64{
		lettered: float64(len(q.letters())), received: q.mostReceived(),
		"failure that opens the circuit after, s": never, "first success after its end, s": never,
	}
	var success, drained time.Time // the first after the outage, and the last of what was sent before its end
	for _, c := range y.calls {
		if !c.Applied || c.AppliedAt.Before(ended) {
			continue
		}
		if success.IsZero() || c.AppliedAt.Before(success) {
			success = c.AppliedAt
			f["first success after its end, s"] = success.Sub(ended).Seconds()
		}
		if sent[c.Thing].Before(ended) && c.AppliedAt.After(drained) {
			drained = c.AppliedAt
		}
	}
	if opened, ok := y.opening(began, o.things); ok {
		f["failure that opens the circuit after, s"] = opened.Sub(began).Seconds()
		f["receives begun 2 s after that, or later"] = receives.between(opened.Add(2*time.Second), success)
		f["calls begun in a second while open, most"] = thickest(y.between(opened, success))
	}
	f["drained at, of the quota"] = q.utilisation(y, 10, success.Sub(y.start), drained.Sub(y.start))
	return f
}

// moments are when something happened; safe for use by many goroutines.
type moments struct {
	mu sync.Mutex
	at []time.Time
}

// watchReceives remembers when each receive begins.
func (q *quotaRun) watchReceives() *moments {
	var m moments
	usual := q.cloud.Faults.OnSQS
	q.cloud.Faults.OnSQS = func(s localcloud.SQSInfo) *localcloud.Fault {
		if s.Action == "ReceiveMessage" {
			m.mu.Lock()
			m.at = append(m.at, time.Now())
			m.mu.Unlock()
		}
		return usual(s)
	}
	return &m
}

func (m *moments) between(after, before time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, at := range m.at {
		if at.After(after) && at.Before(before) {
			n++
		}
	}
	return float64(n)
}
