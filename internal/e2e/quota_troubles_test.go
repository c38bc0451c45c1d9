package e2e

import (
	"slices"
	"sync"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// troubleCourses are those in which the service itself is in trouble.
func troubleCourses() []course {
	var out []course
	for _, o := range outages {
		out = append(out, course{"60 s of " + o.name + ", 10/s, fed 5/s", false, 10, through(o.fault, o.opens), []bound{
			{lettered, 0, 0, false},
			{"first success after its end, s", 0, o.resumes.Seconds(), false},
			{"receives begun while open", 0, 0, false},
			{"calls begun in a second while open, most", 1, 1, false},
			{"receives of any message, most", 1, 2, false},
			{"drained after its end, s", 0, 80, false},
		}})
	}
	for share, name := range map[float64]string{0.5: "half of the calls answer 503 for 5 min", 0.8: "80% of the calls answer 503 for 5 min"} {
		out = append(out, course{name, false, 10, brownOut(share), []bound{
			{lettered, 0, 0, false},
			{"useful, of what the service allows", 0.9, unbounded, true},
		}})
	}
	slices.SortStableFunc(out[len(outages):], func(a, b course) int { return len(b.name) - len(a.name) })
	return out
}

// through is a steady feed before, in and after an outage of a minute.
func through(fault localcloud.Fault, opens time.Duration) func(*quotaRun) map[string]float64 {
	return func(q *quotaRun) map[string]float64 {
		trouble := &outage{fault: fault}
		usual := q.cloud.Faults.OnCall
		q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
			if f := trouble.call(c); f != nil {
				return f
			}
			return usual(c)
		}
		var mu sync.Mutex
		var receives []time.Time
		slowly := q.cloud.Faults.OnSQS
		q.cloud.Faults.OnSQS = func(s localcloud.SQSInfo) *localcloud.Fault {
			if s.Action == "ReceiveMessage" {
				mu.Lock()
				receives = append(receives, time.Now())
				mu.Unlock()
			}
			return slowly(s)
		}
		q.replicas(1)
		feed := q.traffic(200 * time.Millisecond)
		time.Sleep(30 * time.Second)
		trouble.on.Store(true)
		began := time.Now()
		for !q.workers[0].Status().Circuit.Open && time.Since(began) < opens {
			time.Sleep(50 * time.Millisecond)
		}
		opened := time.Now().Add(2 * time.Second) // what was decided before may still start
		time.Sleep(time.Minute - time.Since(began))
		trouble.on.Store(false)
		ended := time.Now()
		most, drained := 0.0, unbounded
		for time.Since(ended) < 5*time.Minute {
			waiting := q.cloud.SQS.Messages(q.queue)
			for _, m := range waiting {
				most = max(most, float64(m.Receives))
			}
			// What the feed sends meanwhile is there for a moment.
			if drained == unbounded && len(waiting) < 20 {
				drained = time.Since(ended).Seconds()
			}
			time.Sleep(time.Second)
		}
		feed()
		q.settled(10 * time.Minute)

		f := map[string]float64{
			lettered: float64(len(q.letters())), "receives of any message, most": most, "drained after its end, s": drained,
			"first success after its end, s": unbounded,
		}
		var starts []time.Time
		for _, c := range q.tally().calls {
			if c.At.After(opened) && c.At.Before(ended) {
				starts = append(starts, c.At)
			}
			if c.Applied && c.AppliedAt.After(ended) {
				f["first success after its end, s"] = min(f["first success after its end, s"], c.AppliedAt.Sub(ended).Seconds())
			}
		}
		for i, at := range starts {
			n := 1
			for _, later := range starts[i+1:] {
				if later.Sub(at) < time.Second {
					n++
				}
			}
			f["calls begun in a second while open, most"] = max(f["calls begun in a second while open, most"], float64(n))
		}
		for _, at := range receives {
			if at.After(opened) && at.Before(ended) {
				f["receives begun while open"]++
			}
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
		for _, c := range q.tally().calls {
			if c.At.Before(from) || c.At.After(until) {
				continue
			}
			calls++
			if c.Applied {
				useful++
			}
		}
		return map[string]float64{lettered: float64(len(q.letters())), "useful, of what the service allows": useful / calls / (1 - share)}
	}
}
