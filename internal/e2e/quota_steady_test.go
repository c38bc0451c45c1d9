package e2e

import (
	"fmt"
	"sync"
	"time"

	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

// minute is a backlog of 60 s of a quota, for distinct things.
func minute(quota float64) func(*quotaRun) map[string]float64 {
	return func(q *quotaRun) map[string]float64 {
		n := int(60 * quota)
		q.sendNames("thing", n)
		q.replicas(1)
		q.wait(n, 10*time.Minute)
		q.settled(time.Minute)
		y := q.tally()
		return map[string]float64{
			utilised:           q.utilisation(y, quota, 0, y.last()),
			"from second 5 on": q.utilisation(y, quota, 5*time.Second, y.last()),
			throttled:          y.throttled(0), lettered: float64(len(q.letters())), received: q.mostReceived(),
		}
	}
}

func changing(q *quotaRun) map[string]float64 {
	q.sendNames("thing", 30_000)
	q.replicas(1)
	time.Sleep(time.Minute)
	q.cloud.Things.SetQuota(30, 0)
	lowered := time.Now()
	time.Sleep(time.Minute)
	q.cloud.Things.SetQuota(300, 0)
	raised := time.Now()
	time.Sleep(time.Minute)
	y := q.tally()
	f := map[string]float64{throttled: y.throttled(0), lettered: float64(len(q.letters())), received: q.mostReceived()}
	q.stopAll()
	mean := func(change time.Time) float64 {
		at := change.Sub(y.start)
		return y.applied(at+10*time.Second, at+20*time.Second) / 10
	}
	f["seconds 10 to 20 at 30/s"], f["seconds 10 to 20 at 300/s"] = mean(lowered)/30, mean(raised)/300
	return f
}

// replicas are three for five minutes, the first of which is left out.
func replicas(q *quotaRun) map[string]float64 {
	const first, all = time.Minute, 5 * time.Minute
	q.sendNames("thing", 20_000)
	q.replicas(3)
	began := time.Now()
	time.Sleep(all)
	y := q.tally()
	f := map[string]float64{
		utilised:  q.utilisation(y, 30, first, all),
		throttled: y.throttled(first), lettered: float64(len(q.letters())), received: q.mostReceived(),
	}
	q.stopAll()
	sum, squares := 0.0, 0.0
	for _, w := range q.wires {
		x := w.succeeded(began.Add(first), began.Add(all))
		sum, squares = sum+x, squares+x*x
	}
	f["Jain's fairness"] = sum * sum / (3 * squares)
	return f
}

// halfTaken is two minutes beside a program that uses half of the quota and never
// slows down.
func halfTaken(q *quotaRun) map[string]float64 {
	const length = 2 * time.Minute
	q.sendNames("thing", 2000)
	api, end := q.client(q.cloud.Transport()), time.Now().Add(length)
	var other sync.WaitGroup
	for n := 0; ; n++ {
		at := time.Duration((float64(n) + q.rng.Float64()) / 5 * float64(time.Second))
		if at > length {
			break
		}
		other.Go(func() {
			time.Sleep(at)
			// Whether it is throttled is for its own people to care about.
			_, _ = api.UpdateManagedThing(q.t.Context(), managedthings.Input{
				Identifier: fmt.Sprint(others, n), Members: []message.Member{{Name: "Name", Value: []byte(`"x"`)}},
			})
		})
	}
	q.replicas(1)
	time.Sleep(time.Until(end))
	other.Wait()
	y := q.tally()
	f := map[string]float64{
		"of what is left": q.utilisation(y, 5, 0, length), "the other's calls let through": q.othersApplied() / (5 * length.Seconds()),
		throttled: y.throttled(0), lettered: float64(len(q.letters())), received: q.mostReceived(),
	}
	q.stopAll()
	return f
}
