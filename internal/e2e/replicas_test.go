package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate/dynamostore"
)

// sharedStores are the stores that replicas share, and the settings of a worker
// that uses the server at url.
var sharedStores = []struct {
	standin.Kind
	settings func(t *testing.T, url string) []string
}{
	{standin.Redis(), useRedis},
	{standin.Valkey(), useRedis},
	{standin.Dynalite(), useTable},
}

func useRedis(_ *testing.T, url string) []string { return []string{"WORKER_STATE=" + url} }

func useTable(t *testing.T, url string) []string {
	cfg := *(&rig{}).aws()
	cfg.ConfigSources = []any{endpoints{"DynamoDB": url}}
	if err := dynamostore.New(cfg, dynamostore.Options{Name: "things"}).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return []string{"WORKER_STATE=dynamodb://things", "AWS_ENDPOINT_URL_DYNAMODB=" + url}
}

// TestReplicasShareOneTruth has four processes work on one queue with one store,
// and kills, stops and ends them at random. REPLICAS is for that many runs of each
// store, of full size.
func TestReplicasShareOneTruth(t *testing.T) {
	t.Parallel()
	standin.LeaveOut(t)
	program := buildWorker(t)
	runs, messages, things := 1, 600, 60
	if n, err := strconv.Atoi(os.Getenv("REPLICAS")); err == nil {
		runs, messages, things = n, 5000, 300
	}
	for _, store := range sharedStores {
		t.Run(store.Name, func(t *testing.T) {
			inRealTime(t)
			seeds(t, runs, func(t *testing.T, seed uint64) {
				settings := store.settings(t, store.ForTest(t))
				replicasShareOneTruth(t, program, settings, seed, messages, things)
			})
		})
	}
}

// The thing's lease is the call's timeout and ten seconds; a replica that stands
// still for longer has lost it.
const (
	replicaCallTimeout = 2 * time.Second
	leaseAtMost        = replicaCallTimeout + 10*time.Second
)

func replicasShareOneTruth(t *testing.T, program string, settings []string, seed uint64, messages, things int) {
	random := rand.New(rand.NewPCG(seed, 0x4e9))
	f := &replicaSet{
		server: newServer(t, program, layout{cloud: localcloud.Options{Seed: seed, Latency: 4 * time.Millisecond}}),
		random: random, running: make([]*replica, 4),
		settings: append([]string{
			"WORKER_CALL_TIMEOUT=" + replicaCallTimeout.String(), "WORKER_VISIBILITY_TIMEOUT=6s", "WORKER_SHUTDOWN_TIMEOUT=20s",
		}, settings...),
	}
	told := &model{semantics: "replace"}
	events := &producer{rand: random, things: things, allExist: true}
	f.cloud.Faults.OnCall = newMishaps(seed, replicaCallTimeout).onCall // refuses what is to be refused
	for i := range f.running {
		f.running[i] = f.start()
	}
	for len(told.sent) < messages {
		for range messages / 120 {
			e := events.next()
			told.send(f.rig, e)
			if _, keyed := e.attribute["DeduplicationId"]; keyed && events.chance(0.2) {
				again := *e
				told.send(f.rig, &again)
			}
			if events.chance(0.2) {
				lately := told.sent[max(0, len(told.sent)-300):] // the cloud does not remember all that was deleted
				f.cloud.SQS.Redeliver(f.queue, lately[random.IntN(len(lately))].id)
			}
		}
		if random.IntN(8) == 0 {
			f.trouble()
		}
		time.Sleep(time.Duration(50+random.IntN(150)) * time.Millisecond)
		told.note(f.rig)
	}
	f.awake.Wait()
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Logf("seed %d: %v; %d messages left, %d calls", seed, f.troubles, f.cloud.SQS.Len(f.queue), len(f.calls("")))
		}
	})
	f.eventually("the queue is drained", 5*time.Minute, func() bool {
		told.note(f.rig)
		return f.cloud.SQS.Len(f.queue) == 0
	})
	time.Sleep(2*replicaCallTimeout + time.Second) // what may have landed late is sent again
	f.eventually("the queue stays drained", time.Minute, func() bool { told.note(f.rig); return f.cloud.SQS.Len(f.queue) == 0 })
	for _, r := range f.running {
		f.ends(r.process)
	}

	calls := f.calls("")
	report(t, "lost", told.lost(calls, f.letters()))
	stale := f.stale()
	excused := func(found []string, of map[string]bool) (left []string, n int) {
		for _, line := range found {
			thing := thingIn(line)
			if of[thing] {
				n++
				continue
			}
			left = append(left, line)
		}
		return left, n
	}
	differences, excusedDifferences := excused(told.differences(f.cloud.Things.Get, true), stale)
	interrupted := f.interrupted()
	for i, c := range calls {
		if givenUp := c.At.Add(replicaCallTimeout); c.End.After(givenUp) { // by the worker, on a busy machine
			calls[i].End, interrupted[c.Thing] = givenUp, true
		}
	}
	overlapping, excusedOverlaps := excused(overlaps(calls), stale)
	again, excusedAgain := excused(told.appliedTwice(calls), interrupted)
	report(t, "not the newest value", differences)
	report(t, "two calls at once", overlapping)
	// A replica that is killed between taking a lease and making its call leaves
	// marks like one that is killed behind it: the next one cannot know.
	if most := len(f.troubles) * 4; len(again) > most {
		report(t, "applied twice", again)
	}
	t.Logf("seed %d: %d messages, %d calls, %v; a stop between the last check and the write: %d things (%d stale values, %d overlaps); "+
		"killed or stopped in a call: %d things (%d values applied twice), in a lease without a call: %d values applied twice",
		seed, len(told.sent), len(calls), f.troubles, len(stale), excusedDifferences, excusedOverlaps, len(interrupted), excusedAgain, len(again))
}

// thingIn is the thing that a finding is about.
func thingIn(finding string) string {
	for word := range strings.FieldsSeq(finding) {
		if strings.HasPrefix(word, "thing:") {
			return strings.Trim(word, ",")
		}
	}
	return ""
}

// appliedTwice are the values that two calls set.
func (s *model) appliedTwice(calls []localcloud.Call) []string {
	var found []string
	seen := map[string]bool{}
	for _, c := range calls {
		if !c.Applied {
			continue
		}
		for _, n := range tagsIn(c.Body) {
			mark := fmt.Sprint(n, " ", c.RequestID)
			if seen[mark] {
				continue // another member of the same event and call
			}
			seen[mark] = true
			if key := fmt.Sprint(n); seen[key] {
				found = append(found, fmt.Sprintf("event %d of %s", n, c.Thing))
			} else {
				seen[key] = true
			}
		}
	}
	return found
}

// replicaSet is processes that share a queue and a store.
type replicaSet struct {
	*server
	random   *rand.Rand
	settings []string
	running  []*replica
	all      []*replica
	troubles trouble
	awake    sync.WaitGroup // of those that are stopped
}

// trouble is what was done to them.
type trouble []string

// replica is one of them; it has the API at an address of its own, so that its
// calls can be told from the others'.
type replica struct {
	*process
	mu    sync.Mutex
	calls []replicaCall
	stops [][2]time.Time // from and to; a kill has no end
}

type replicaCall struct {
	thing string
	at    time.Time
}

func (f *replicaSet) start() *replica {
	r := &replica{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.calls = append(r.calls, replicaCall{q.URL.Path[strings.LastIndex(q.URL.Path, "/")+1:], time.Now()})
		r.mu.Unlock()
		f.cloud.Handler().ServeHTTP(w, q)
	}))
	f.t.Cleanup(api.Close)
	r.process = f.server.start(append([]string{"AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=" + api.URL}, f.settings...)...)
	f.all = append(f.all, r)
	f.t.Cleanup(func() {
		if lines := strings.Split(strings.TrimSpace(r.stderr.String()), "\n"); f.t.Failed() {
			f.t.Logf("replica %d, its last lines:\n%s", r.cmd.Process.Pid, strings.Join(lines[max(0, len(lines)-6):], "\n"))
		}
	})
	return r
}

// trouble does something to one of them.
func (f *replicaSet) trouble() {
	i := f.random.IntN(len(f.running))
	r := f.running[i]
	if r.stopped() {
		return
	}
	switch what := f.random.IntN(6); what {
	case 0, 1:
		f.troubles = append(f.troubles, "SIGKILL")
		r.noteStop(time.Now(), time.Now())
		_ = r.cmd.Process.Kill()
		f.running[i] = f.start()
	case 2:
		f.troubles = append(f.troubles, "SIGTERM")
		f.ends(r.process)
		f.running[i] = f.start()
	default:
		still := time.Duration(f.random.IntN(3000)) * time.Millisecond
		if what < 5 {
			still += leaseAtMost
		}
		f.troubles = append(f.troubles, fmt.Sprintf("SIGSTOP %v", still))
		from := time.Now()
		r.noteStop(from, from.Add(still+time.Second))
		_ = r.cmd.Process.Signal(syscall.SIGSTOP)
		f.awake.Go(func() {
			time.Sleep(still)
			r.endStop(time.Now())
			_ = r.cmd.Process.Signal(syscall.SIGCONT)
		})
	}
}

func (r *replica) noteStop(from, to time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stops = append(r.stops, [2]time.Time{from, to})
}

func (r *replica) endStop(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stops[len(r.stops)-1][1] = at
}

func (r *replica) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.stops)
	return n > 0 && time.Now().Before(r.stops[n-1][1])
}

// inCall is how long a call and the record of its end may take, on a busy machine.
const inCall = 500 * time.Millisecond

// interrupted are the things of calls that may not have been recorded, as their
// replica was killed or stopped before that.
func (f *replicaSet) interrupted() map[string]bool {
	return f.things(func(c replicaCall, from, to time.Time) bool {
		return c.at.After(from.Add(-inCall)) && c.at.Before(from) || c.at.After(to) && c.at.Before(to.Add(rightThen))
	})
}

// rightThen is how soon after it came back a replica has made a call without a
// look at the clock.
const rightThen = 20 * time.Millisecond

// stale are the things of calls that a replica made right when it came back from
// a stop that outlasted its lease: nothing in it can have looked at the clock
// between.
func (f *replicaSet) stale() map[string]bool {
	return f.things(func(c replicaCall, from, to time.Time) bool {
		return to.Sub(from) > leaseAtMost-replicaCallTimeout && c.at.After(to) && c.at.Before(to.Add(rightThen))
	})
}

func (f *replicaSet) things(of func(c replicaCall, from, to time.Time) bool) map[string]bool {
	found := map[string]bool{}
	for _, r := range f.all {
		r.mu.Lock()
		for _, stop := range r.stops {
			for _, c := range r.calls {
				if of(c, stop[0], stop[1]) {
					found[c.thing] = true
				}
			}
		}
		r.mu.Unlock()
	}
	return found
}
