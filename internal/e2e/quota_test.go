package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

// course is a situation in which calls are scarce, and what must come of it.
type course struct {
	name   string
	quick  bool // cheap enough for every run of the tests
	quota  float64
	play   func(*quotaRun) map[string]float64
	bounds []bound
}

// bound says what a figure of the worker's must be. A bound that says nothing is
// there to be looked at.
type bound struct {
	figure    string
	low, high float64
	percent   bool
}

const (
	utilised  = "utilisation"
	throttled = "throttled"
	lettered  = "dead letters"
	received  = "receives a message"
)

const unbounded = 1e9 // no upper bound

var courses = []course{
	{"10/s", true, 10, minute(10), []bound{{utilised, 0.97, 1.001, true}, {throttled, 0, 0.03, true}, {lettered, 0, 0, false}, {received, 1, 1, false}}},
	{"100/s", false, 100, minute(100), []bound{{utilised, 0.97, 1.001, true}, {throttled, 0, 0.03, true}, {lettered, 0, 0, false}, {received, 1, 1, false}}},
	{"1000/s", false, 1000, minute(1000), []bound{
		{utilised, 0.93, 1.001, true},
		{"from second 5 on", 0.97, 1.05, true},
		{throttled, 0, unbounded, true},
		{lettered, 0, 0, false},
		{received, 1, 1, false},
	}},
	{"100, 30, 300/s, a minute each", false, 100, changing, []bound{
		{"seconds 10 to 20 at 30/s", 0.95, 1.05, true},
		{"seconds 10 to 20 at 300/s", 0.95, 1.05, true},
		{throttled, 0, 0.05, true},
		{lettered, 0, 0, false},
	}},
	{"3 replicas at 30/s", false, 30, replicas, []bound{
		{utilised, 0.95, 1.05, true},
		{throttled, 0, 0.05, true},
		{"Jain's fairness", 0.95, 1, false},
		{lettered, 0, 0, false},
	}},
	{"half of 10/s is another's", true, 10, halfTaken, []bound{{"of what is left", 0.97, 1.1, true}, {throttled, 0, 0.05, true}, {lettered, 0, 0, false}}},
	{"200 hot things, fed 200/s, 10/s", false, 10, hotFed, []bound{
		{"newest applied after, s", 0, 40, false},
		{"longest wait of a single, of a hot one's", 0, 1, true},
		{"usual wait of a single, of a hot one's", 0, 1.05, true},
		{"messages a call", 10, unbounded, false},
		{"wrong at the end", 0, 0, false},
		{throttled, 0, unbounded, true},
		{lettered, 0, 0, false},
	}},
	{"200 hot things, 20,000 ready, 10/s", false, 10, hotReady, []bound{
		{"newest applied after, s", 0, 60, false},
		{"messages a call", 10, unbounded, false},
		{"wrong at the end", 0, 0, false},
		{throttled, 0, unbounded, true},
		{lettered, 0, 0, false},
	}},
	{"one thing always answers 500", true, 10, oneSick, []bound{
		{"its letters, exhausted", 1, 1, false},
		{"other letters", 0, 0, false},
		{"its counted attempts", 8, unbounded, false},
		{"longest wait of a healthy one, s", 0, 1, false},
	}},
}

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
			utilised:           q.utilisation(y, quota),
			"from second 5 on": y.applied(5*time.Second, y.last()) / (quota * (y.last() - 5*time.Second).Seconds()),
			throttled:          y.throttled(0), lettered: float64(len(q.letters())), received: q.receives(n),
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
	q.stopAll()
	mean := func(change time.Time) float64 {
		at := change.Sub(y.start)
		return y.applied(at+10*time.Second, at+20*time.Second) / 10
	}
	return map[string]float64{
		"seconds 10 to 20 at 30/s": mean(lowered) / 30, "seconds 10 to 20 at 300/s": mean(raised) / 300,
		throttled: y.throttled(0), lettered: float64(len(q.letters())),
	}
}

func replicas(q *quotaRun) map[string]float64 {
	const first, all = time.Minute, 5 * time.Minute
	q.sendNames("thing", 30_000)
	q.replicas(3)
	succeeded := func() (n [3]float64) {
		for i, w := range q.workers {
			n[i] = float64(w.Status().Calls.ByResult["ok"])
		}
		return n
	}
	time.Sleep(first)
	before := succeeded()
	time.Sleep(all - first)
	after := succeeded()
	y := q.tally()
	q.stopAll()
	sum, squares := 0.0, 0.0
	for i := range after {
		x := after[i] - before[i]
		sum, squares = sum+x, squares+x*x
	}
	return map[string]float64{
		utilised:  y.applied(first, all) / (30 * (all - first).Seconds()),
		throttled: y.throttled(first), "Jain's fairness": sum * sum / (3 * squares), lettered: float64(len(q.letters())),
	}
}

// halfTaken is two minutes beside a program that uses half of the quota and never
// slows down.
func halfTaken(q *quotaRun) map[string]float64 {
	const length = 2 * time.Minute
	q.sendNames("thing", 2000)
	api, end := q.client(), time.Now().Add(length)
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
				Identifier: fmt.Sprint(q.others, n), Members: []message.Member{{Name: "Name", Value: []byte(`"x"`)}},
			})
		})
	}
	q.replicas(1)
	time.Sleep(time.Until(end))
	other.Wait()
	y := q.tally()
	q.stopAll()
	return map[string]float64{
		"of what is left": y.applied(0, length) / q.granted(5, length),
		throttled:         y.throttled(0), lettered: float64(len(q.letters())),
	}
}

func oneSick(q *quotaRun) map[string]float64 {
	usual := q.cloud.Faults.OnCall
	q.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		f := usual(c)
		if c.Thing == "sick" {
			f.Status, f.Code = 500, "InternalServerException"
		}
		return f
	}
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
	f := map[string]float64{}
	for _, l := range q.letters() {
		if strings.Contains(l.Body, `"sick"`) && l.Failure.Reason == message.Exhausted {
			f["its letters, exhausted"]++
			f["its counted attempts"] = float64(l.Failure.Attempts)
		} else {
			f["other letters"]++
		}
	}
	waits, _ := h.waits(q.tally())
	for _, w := range waits {
		f["longest wait of a healthy one, s"] = max(f["longest wait of a healthy one, s"], w.took.Seconds())
	}
	if len(waits) != h.number {
		f["longest wait of a healthy one, s"] = unbounded
	}
	return f
}

// middle is the median.
func middle[T cmp.Ordered](of []T) T {
	slices.Sort(of)
	return of[len(of)/2]
}

// run plays a course with one seed.
func (c course) run(t *testing.T, v variant, seed uint64) map[string]float64 {
	q := newQuotaRun(t, v, seed, c.quota)
	return c.play(q)
}
