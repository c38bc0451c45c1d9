package quota

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// outage is a trouble of the service that must cost nothing but time.
type outage struct {
	name    string
	fault   localcloud.Fault // of every call
	things  int              // whose failures open the circuit
	opens   time.Duration    // at most, from the trouble's start to the failure that opens
	resumes time.Duration    // at most, from its end to the first success
}

var outages = []outage{
	{"503", localcloud.Fault{Status: 503, Code: "ServiceUnavailableException"}, 3, time.Second, 5 * time.Second},
	{"connection refused", localcloud.Fault{BreakBefore: true}, 3, time.Second, 5 * time.Second},
	{"hang", localcloud.Fault{Delay: time.Hour}, 3, 11 * time.Second, 8 * time.Second}, // after the call timeout
	{"403 for all", localcloud.Fault{Status: 403, Code: "AccessDeniedException"}, 3, time.Second, 5 * time.Second},
	{"expired credentials", localcloud.Fault{Status: 403, Code: "ExpiredTokenException"}, 1, time.Second, 5 * time.Second},
}

// play is a steady feed of distinct things before, in and after an outage of a
// minute, at half of the quota.
func (o outage) play(r *run) figures {
	var on atomic.Bool
	r.fail(o.fault, func(localcloud.CallInfo) bool { return on.Load() })
	receives := r.watchReceives()
	r.replicas(1)
	sent, stop := r.feed(200 * time.Millisecond)
	time.Sleep(30 * time.Second)
	on.Store(true)
	began := time.Now()
	time.Sleep(time.Minute)
	on.Store(false)
	ended := time.Now()
	wait(10*time.Minute, func() bool { // until what was sent before its end is settled
		return !slices.ContainsFunc(r.cloud.SQS.Messages(r.queue), func(m localcloud.Stored) bool { return m.SentAt.Before(ended) })
	})
	stop()
	r.settled(10 * time.Minute)

	y := r.tally()
	f := r.usual(y)
	f["failure that opens the circuit after, s"], f["first success after its end, s"] = never, never
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
	f["drained at, of the quota"] = r.utilisation(y, 10, success.Sub(y.start), drained.Sub(y.start))
	return f
}

// moments are when something happened; safe for use by many goroutines.
type moments struct {
	mu sync.Mutex
	at []time.Time
}

// watchReceives remembers when each receive begins.
func (r *run) watchReceives() *moments {
	var m moments
	usual := r.cloud.Faults.OnSQS
	r.cloud.Faults.OnSQS = func(s localcloud.SQSInfo) *localcloud.Fault {
		if s.Action == "ReceiveMessage" {
			m.mark()
		}
		return usual(s)
	}
	return &m
}

func (m *moments) mark() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = append(m.at, time.Now())
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
