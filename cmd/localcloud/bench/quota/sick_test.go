package quota

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// failing makes the calls for the thing "sick" fail with 500.
func (r *run) failing() {
	r.fail(localcloud.Fault{Status: 500, Code: "InternalServerException"}, func(c localcloud.CallInfo) bool { return c.Thing == "sick" })
}

// brownOut is a service that fails a share of the calls at random for 5 minutes.
func brownOut(share float64) func(*run) figures {
	return func(r *run) figures {
		random := seeded(r.seed)
		var on atomic.Bool
		r.fail(localcloud.Fault{Status: 503, Code: "ServiceUnavailableException"}, func(localcloud.CallInfo) bool {
			return on.Load() && random.Float64() < share
		})
		r.replicas(1)
		_, stop := r.feed(500 * time.Millisecond)
		time.Sleep(10 * time.Second)
		on.Store(true)
		from := time.Now()
		time.Sleep(5 * time.Minute)
		on.Store(false)
		until := time.Now()
		stop()
		r.settled(10 * time.Minute)
		calls, useful := 0.0, 0.0
		y := r.tally()
		for _, c := range y.between(from, until) {
			calls++
			if c.Applied {
				useful++
			}
		}
		f := r.usual(y)
		f["useful, of what the service allows"] = useful / calls / (1 - share)
		f["calls a second"] = calls / until.Sub(from).Seconds()
		return f
	}
}

// allMissing is a wrong Region: every thing is unknown for 10 minutes.
func allMissing(r *run) figures {
	const things = 200
	var right atomic.Bool
	r.fail(localcloud.Fault{Status: 404, Code: "ResourceNotFoundException"}, func(localcloud.CallInfo) bool { return !right.Load() })
	for n := range things { // long ago: none of them is on its way
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprint("thing-", n), "x"), SentAt: time.Now().Add(-time.Hour)})
	}
	r.replicas(1)
	time.Sleep(10 * time.Minute)
	f := figures{}
	if r.workers[0].Status().Circuit.Why == "all_refuse" {
		f["circuit says so"] = 1
	}
	y := r.tally()
	if opened, ok := y.opening(y.start, 20); ok {
		f["calls begun in a second while open, most"] = thickest(y.between(opened, time.Now()))
	}
	right.Store(true)
	r.settled(5 * time.Minute)
	f[lettered] = float64(len(r.letters()))
	f["applied or lettered once it is right"] = (float64(len(r.cloud.Things.IDs())) + f[lettered]) / things
	return f
}

// atNight has one thing in the queue for hours, which always fails.
func atNight(r *run) figures {
	r.failing()
	r.replicas(1)
	r.send("sick", "x")
	time.Sleep(3 * time.Hour)
	sent := time.Now()
	r.send("healthy", "y")
	time.Sleep(time.Minute)
	y := r.tally()
	f := r.usual(y)
	f["next healthy one applied after, s"] = never
	for _, c := range y.calls {
		switch {
		case c.Thing == "healthy" && c.Applied:
			f["next healthy one applied after, s"] = c.AppliedAt.Sub(sent).Seconds()
		case c.Thing == "sick" && sent.Sub(c.At) < 10*time.Minute && c.At.Before(sent):
			f["its calls in the last 10 minutes"]++
		}
	}
	f["shown as without evidence"] = float64(r.workers[0].Status().Backlog.NoEvidence)
	r.stopAll()
	return f
}

// oneSick is a thing that always fails, among healthy ones.
func oneSick(r *run) figures {
	r.failing()
	r.replicas(1)
	var h hot
	for n := range 5 * 60 * 8 {
		if n == 50 {
			r.send("sick", "x")
		}
		h.send(r, fmt.Sprint("healthy-", n), time.Now())
		time.Sleep(200 * time.Millisecond)
	}
	r.settled(10 * time.Minute)
	f := figures{"longest wait of a healthy one, s": never}
	for _, l := range r.letters() {
		if strings.Contains(l.body, `"sick"`) && l.failure.Reason == message.Exhausted {
			f["its letters, exhausted"]++
			f["its counted attempts"] = float64(l.failure.Attempts)
		} else {
			f["other letters"]++
		}
	}
	y := r.tally()
	var first, last time.Time // of its calls
	for _, c := range y.calls {
		if c.Thing != "sick" {
			continue
		}
		if last = c.At; first.IsZero() {
			first = c.At
		}
	}
	f["its calls span, s"] = last.Sub(first).Seconds()
	if waits, _ := h.waits(y); len(waits) == h.number {
		f["longest wait of a healthy one, s"] = longest(waits).Seconds()
	}
	return f
}
