package quota

import (
	"fmt"
	"sync"
	"time"

	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

// minute is a backlog of 60 s of a quota, for distinct things.
func minute(quota float64) func(*run) figures {
	return func(r *run) figures {
		n := int(60 * quota)
		r.sendThings(n)
		r.replicas(1)
		r.settled(11 * time.Minute)
		y := r.tally()
		f := r.usual(y)
		f[utilised], f["from second 5 on"] = r.utilisation(y, quota, 0, y.last()), r.utilisation(y, quota, 5*time.Second, y.last())
		return f
	}
}

func changing(r *run) figures {
	r.sendThings(30_000)
	r.replicas(1)
	time.Sleep(time.Minute)
	r.cloud.Things.SetQuota(30, 0)
	lowered := time.Now()
	time.Sleep(time.Minute)
	r.cloud.Things.SetQuota(300, 0)
	raised := time.Now()
	time.Sleep(time.Minute)
	y := r.tally()
	f := r.usual(y)
	r.stopAll()
	mean := func(change time.Time) float64 {
		at := change.Sub(y.start)
		return y.applied(at+10*time.Second, at+20*time.Second) / 10
	}
	f["seconds 10 to 20 at 30/s"], f["seconds 10 to 20 at 300/s"] = mean(lowered)/30, mean(raised)/300
	return f
}

// replicas are three for five minutes, the first of which is left out.
func replicas(r *run) figures {
	const first, all = time.Minute, 5 * time.Minute
	r.sendThings(20_000)
	r.replicas(3)
	began := time.Now()
	time.Sleep(all)
	y := r.tally()
	f := r.usual(y)
	f[utilised], f[throttled] = r.utilisation(y, 30, first, all), y.throttled(first)
	r.stopAll()
	sum, squares := 0.0, 0.0
	for _, w := range r.workers {
		x := w.ok.between(began.Add(first), began.Add(all))
		sum, squares = sum+x, squares+x*x
	}
	f["Jain's fairness"] = sum * sum / (3 * squares)
	return f
}

// halfTaken is two minutes beside a program that uses half of the quota and never
// slows down.
func halfTaken(r *run) figures {
	const length = 2 * time.Minute
	r.sendThings(2000)
	api, end := r.client(r.cloud.Transport()), time.Now().Add(length)
	var other sync.WaitGroup
	for n := 0; ; n++ {
		at := time.Duration((float64(n) + r.rng.Float64()) / 5 * float64(time.Second))
		if at > length {
			break
		}
		other.Go(func() {
			time.Sleep(at)
			// Whether it is throttled is for its own people to care about.
			_, _ = api.UpdateManagedThing(r.t.Context(), managedthings.Input{
				Identifier: fmt.Sprint(others, n), Members: []message.Member{{Name: "Name", Value: []byte(`"x"`)}},
			})
		})
	}
	r.replicas(1)
	time.Sleep(time.Until(end))
	other.Wait()
	y := r.tally()
	f := r.usual(y)
	f["of what is left"], f["the other's calls let through"] = r.utilisation(y, 5, 0, length), r.othersApplied()/(5*length.Seconds())
	r.stopAll()
	return f
}
