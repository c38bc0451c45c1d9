package e2e

import (
	"fmt"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// failing makes the calls that sick names fail with 500.
func (q *quotaRun) failing(sick string) {
	usual := q.cloud.Faults.OnCall
	q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		f := usual(c)
		if c.Thing == sick {
			f.Status, f.Code = 500, "InternalServerException"
		}
		return f
	}
}

// brownOut is a service that fails a share of the calls at random for 5 minutes.
func brownOut(share float64) func(*quotaRun) map[string]float64 {
	return func(q *quotaRun) map[string]float64 {
		usual, dice := q.cloud.Faults.OnCall, seeded(q.seed)
		var brown outage
		q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			f := usual(c)
			if brown.on.Load() && dice.Float64() < share {
				f.Status, f.Code = 503, "ServiceUnavailableException"
			}
			return f
		}
		q.replicas(1)
		feed := q.traffic(500 * time.Millisecond)
		time.Sleep(10 * time.Second)
		brown.on.Store(true)
		from := time.Now()
		time.Sleep(5 * time.Minute)
		brown.on.Store(false)
		until := time.Now()
		feed()
		q.settled(10 * time.Minute)
		calls, useful := 0.0, 0.0
		for _, c := range q.tally().between(from, until) {
			calls++
			if c.Applied {
				useful++
			}
		}
		return map[string]float64{
			lettered: float64(len(q.letters())), "useful, of what the service allows": useful / calls / (1 - share),
			"calls a second": calls / until.Sub(from).Seconds(),
		}
	}
}

// allMissing is a wrong Region: every thing is unknown for 10 minutes.
func allMissing(q *quotaRun) map[string]float64 {
	const things = 200
	usual := q.cloud.Faults.OnCall
	trouble := &outage{fault: localcloud.Fault{Status: 404, Code: "ResourceNotFoundException"}}
	trouble.on.Store(true)
	q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		if f := trouble.call(c); f != nil {
			return f
		}
		return usual(c)
	}
	for n := range things { // long ago: none of them is on its way
		q.cloud.SQS.Send(q.queue, localcloud.Message{Body: name(fmt.Sprint("thing-", n), "x"), SentAt: time.Now().Add(-time.Hour)})
	}
	q.replicas(1)
	time.Sleep(10 * time.Minute)
	f := map[string]float64{}
	if q.workers[0].Status().Circuit.Why == "all_refuse" {
		f["circuit says so"] = 1
	}
	y := q.tally()
	if opened, ok := y.opening(y.start, 20); ok {
		f["calls begun in a second while open, most"] = thickest(y.between(opened, time.Now()))
	}
	trouble.on.Store(false)
	q.settled(5 * time.Minute)
	f[lettered] = float64(len(q.letters()))
	f["applied or lettered once it is right"] = (float64(len(q.cloud.Things.IDs())) + f[lettered]) / things
	return f
}

// atNight has one thing in the queue for hours, which always fails.
func atNight(q *quotaRun) map[string]float64 {
	q.failing("sick")
	q.replicas(1)
	q.send(name("sick", "x"))
	time.Sleep(3 * time.Hour)
	sent := time.Now()
	q.send(name("healthy", "y"))
	time.Sleep(time.Minute)
	f := map[string]float64{lettered: float64(len(q.letters())), "next healthy one applied after, s": never}
	for _, c := range q.tally().calls {
		switch {
		case c.Thing == "healthy" && c.Applied:
			f["next healthy one applied after, s"] = c.AppliedAt.Sub(sent).Seconds()
		case c.Thing == "sick" && sent.Sub(c.At) < 10*time.Minute && c.At.Before(sent):
			f["its calls in the last 10 minutes"]++
		}
	}
	f["shown as without evidence"] = float64(q.workers[0].Status().Backlog.NoEvidence)
	q.stopAll()
	return f
}

// oneSick is a thing that always fails, among healthy ones.
func oneSick(q *quotaRun) map[string]float64 {
	q.failing("sick")
	q.replicas(1)
	var h hot
	for n := range 5 * 60 * 8 {
		if n == 50 {
			q.send(name("sick", "x"))
		}
		h.send(q, fmt.Sprint("healthy-", n), time.Now())
		time.Sleep(200 * time.Millisecond)
	}
	q.settled(10 * time.Minute)
	f := map[string]float64{"longest wait of a healthy one, s": never}
	for _, l := range q.letters() {
		if strings.Contains(l.Body, `"sick"`) && l.Failure.Reason == message.Exhausted {
			f["its letters, exhausted"]++
			f["its counted attempts"] = float64(l.Failure.Attempts)
		} else {
			f["other letters"]++
		}
	}
	calls := q.calls("sick")
	f["its calls span, s"] = calls[len(calls)-1].At.Sub(calls[0].At).Seconds()
	if waits, _ := h.waits(q.tally()); len(waits) == h.number {
		f["longest wait of a healthy one, s"] = longest(waits).Seconds()
	}
	return f
}
