package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// property is one run of the whole worker through trouble, and what it is to be
// checked against.
type property struct {
	t       *testing.T
	seed    uint64
	rand    *rand.Rand
	rig     *rig
	model   *model
	events  *producer
	mishaps *mishaps
	store   thingstate.Store
	open    func() thingstate.Store // a store of each worker's own in place of store; or nil
	heal    func()                  // has the store's troubles end with all others; or nil
	most    int                     // workers at a time
	running []*worker
	stopped []*worker
	told    []string // all that ended workers said anywhere

	watch    sync.Mutex
	watched  []*worker
	tooMuch  []string
	watching sync.WaitGroup
	unwatch  context.CancelFunc
}

func pick[E any](r *rand.Rand, of ...E) E { return of[r.IntN(len(of))] }

func newProperty(t *testing.T, seed uint64, fifo bool) *property {
	random := rand.New(rand.NewPCG(seed, 0x5eed))
	p := &property{t: t, seed: seed, rand: random, model: &model{fifo: fifo}}
	l := layout{fifo: fifo, visibility: 30 * time.Second}
	l.cloud.Seed = seed
	l.cloud.Latency = time.Duration(1+random.IntN(80)) * time.Millisecond
	l.cloud.Quota = pick(random, 0, 0, 10.0)
	l.settings = func(c *config.Config) {
		c.RateStart = pick(random, 10, 1000.0)
		c.Concurrency = 1 + random.IntN(8)
		c.Pollers = 1 + random.IntN(4)
		c.MaxHeld = 10 + random.IntN(60)
		c.MaxHeldBytes = pick[int64](random, 10<<20, 64<<20)
		c.VisibilityTimeout = pick(random, 10*time.Second, 30*time.Second, 2*time.Minute)
		c.CallTimeout = pick(random, 2*time.Second, 10*time.Second)
		c.WaitTime = pick(random, 0, 5*time.Second, 20*time.Second)
		c.ShutdownTimeout = c.WaitTime + 5*time.Second
		c.SkipUnchanged = pick(random, 0, time.Minute)
		c.MemberSemantics = pick(random, config.SemanticsReplace, config.SemanticsMerge, config.SemanticsUnknown, config.SemanticsUnknown)
	}
	p.rig = newRig(t, l)
	cfg := p.rig.cfg
	p.model.semantics = cfg.MemberSemantics
	p.model.merges = cfg.MemberSemantics == config.SemanticsMerge || cfg.MemberSemantics == config.SemanticsUnknown && random.IntN(2) == 0
	if p.model.merges {
		p.rig.cloud.Things.Semantics = localcloud.Merge
	}
	p.rig.cloud.Things.Remove(absentThing)
	p.events = &producer{rand: random, things: 2 + random.IntN(6), fifo: fifo}
	// Under unknown semantics what comes late with other keys is dropped: most of
	// these runs keep the events in order, so that all can be compared.
	p.events.inOrder = fifo || cfg.MemberSemantics == config.SemanticsUnknown && random.IntN(4) > 0
	p.mishaps = newMishaps(seed, cfg.CallTimeout)
	p.mishaps.set(pick(random, 0, 0.1, 0.3, 0.6), pick(random, 0, 0.05, 0.2, 0.4))
	p.rig.apiFaults.add(p.mishaps.onCall)
	p.rig.sqsFaults.add(p.mishaps.onSQS)
	p.store, p.most = thingstate.NewMemory(thingstate.MemoryOptions{}), 2
	t.Logf("seed %d: %d things, %s (the API merges: %v), timeout %v, visibility %v, held %d, faults %v %v",
		seed, p.events.things, cfg.MemberSemantics, p.model.merges, cfg.CallTimeout, cfg.VisibilityTimeout, cfg.MaxHeld, p.mishaps.api, p.mishaps.sqs)
	return p
}

// live sends events, in bursts and again, and stops and starts workers; then all
// goes well until the queue is drained.
func (p *property) live() {
	p.startWatching()
	defer p.stopWatching()
	for range p.most - 1 {
		p.start()
	}
	for range 15 + p.rand.IntN(25) {
		time.Sleep(time.Duration(p.rand.Int64N(int64(4 * time.Second))))
		switch roll := p.rand.Float64(); {
		case roll < 0.72:
			for range 1 + p.rand.IntN(4) {
				p.send()
			}
		case roll < 0.86:
			p.redeliver()
		case roll < 0.90 && len(p.running) < p.most: // another replica on the same store
			p.start()
		default:
			if len(p.running) > 0 {
				p.stop(p.rand.IntN(len(p.running)))
			}
			if len(p.running) == 0 {
				time.Sleep(time.Duration(p.rand.Int64N(int64(10 * time.Second))))
				p.start()
			}
		}
	}
	p.mishaps.set(0, 0)
	if p.heal != nil {
		p.heal()
	}
	p.rig.drained(2 * time.Hour)
	// What lands late has landed, and no lease runs of which SQS has not said that it ended.
	time.Sleep(2*p.rig.cfg.CallTimeout + time.Minute + p.rig.cfg.VisibilityTimeout)
	p.rig.drained(2 * time.Hour)
	for len(p.running) > 0 {
		p.stopClean(0)
	}
}

func (p *property) send() {
	e := p.events.next()
	p.model.send(p.rig, e)
	if !p.events.chance(0.25) {
		return
	}
	// A producer sends twice: on a FIFO queue SQS itself drops the copy, elsewhere
	// it has a dedup key of its own.
	if _, keyed := e.attribute["DeduplicationId"]; keyed || e.dedup != "" {
		time.Sleep(time.Duration(p.rand.Int64N(int64(time.Second))))
		again := *e
		p.model.send(p.rig, &again)
	}
}

// redeliver delivers a message again, whatever became of it.
func (p *property) redeliver() {
	if n := len(p.model.sent); n > 0 {
		for range 1 + p.rand.IntN(3) {
			p.rig.cloud.SQS.Redeliver(p.rig.queue, p.model.sent[p.rand.IntN(n)].id)
		}
	}
}

func (p *property) start() {
	store := p.store
	if p.open != nil {
		store = p.open()
	}
	w := p.rig.start(func(o *app.Options) {
		o.Store, o.Rand = store, rand.New(&lockedSource{source: rand.NewPCG(p.seed, 0x9a17)})
	})
	p.running = append(p.running, w)
	p.watch.Lock()
	defer p.watch.Unlock()
	p.watched = append(p.watched, w)
}

// stop ends a worker in the middle of trouble: it may leave work behind, but
// never takes longer than it may.
func (p *property) stop(i int) {
	w, before := p.running[i], time.Now()
	p.running = append(p.running[:i:i], p.running[i+1:]...)
	if err := w.stop(); err != nil && !errors.Is(err, app.ErrStranded) {
		p.t.Errorf("the worker ended with: %v", err)
	}
	if took := time.Since(before); took > p.rig.cfg.ShutdownTimeout {
		p.t.Errorf("stopping took %v, more than WORKER_SHUTDOWN_TIMEOUT = %v", took, p.rig.cfg.ShutdownTimeout)
	}
	p.ended(w)
}

// stopClean ends a worker when all is well: nothing is left behind.
func (p *property) stopClean(i int) {
	w := p.running[i]
	p.running = append(p.running[:i:i], p.running[i+1:]...)
	if s := w.Status(); s.Messages.Held+s.Messages.Settling+s.Backlog.Things > 0 || s.Messages.HeldBytes > 0 {
		p.t.Errorf("the queue is empty, and the worker still has %+v, %+v", s.Messages, s.Backlog)
	}
	w.stopped()
	p.ended(w)
}

func (p *property) ended(w *worker) {
	p.watch.Lock()
	p.watched = slices.DeleteFunc(p.watched, func(o *worker) bool { return o == w })
	p.watch.Unlock()
	w.addsUp()
	p.stopped = append(p.stopped, w)
	status, _ := json.MarshalIndent(w.Status(), "", " ")
	p.told = append(p.told, w.lines(), string(status), fmt.Sprint(w.err), w.metrics())
}

// metrics are all of a worker's metrics, one a line.
func (w *worker) metrics() string {
	families, err := w.Metrics().Gather()
	if err != nil {
		w.t.Errorf("metrics: %v", err)
	}
	var b strings.Builder
	for _, f := range families {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// startWatching looks, four times a second, at what must hold all the time.
func (p *property) startWatching() {
	ctx, cancel := context.WithCancel(context.Background())
	p.unwatch = cancel
	p.watching.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(250 * time.Millisecond):
			}
			p.model.note(p.rig)
			p.watch.Lock()
			for _, w := range p.watched {
				m, cfg := w.Status().Messages, p.rig.cfg
				if m.Held > cfg.MaxHeld || m.Settling > cfg.MaxHeld || m.HeldBytes > cfg.MaxHeldBytes {
					p.tooMuch = append(p.tooMuch, fmt.Sprintf("held %+v", m))
				}
			}
			p.watch.Unlock()
		}
	})
}

func (p *property) stopWatching() {
	p.unwatch()
	p.watching.Wait()
	p.model.note(p.rig)
}

// check compares all with the model, and reports whether that took in the members
// that the API may merge.
func (p *property) check() (complete bool) {
	t := p.t
	complete = true
	unsure, outcomes := 0, map[string]int{}
	for _, w := range p.stopped {
		unsure += w.outcomes()[string(message.Unsure)]
		for o, n := range w.outcomes() {
			outcomes[o] += n
		}
	}
	complete = unsure == 0
	calls, letters := p.rig.calls(""), p.rig.letters()
	t.Logf("%d messages, %d workers, %d calls, %d letters, %v; faults %v", len(p.model.sent), len(p.stopped), len(calls), len(letters), outcomes, p.mishaps.seen)
	var found []string
	for what, faults := range map[string][]string{
		"not the newest value": p.model.differences(p.rig.cloud.Things.Get, complete),
		"lost":                 p.model.lost(calls, letters),
		"two calls at once":    overlaps(calls),
		"too much held":        p.tooMuch,
		"a sensitive value":    leaks(append(p.told, letterTexts(letters))...),
		"an older value later": p.backwards(calls),
	} {
		report(t, what, faults)
		found = append(found, faults...)
	}
	p.retell(calls, found)
	return complete
}

// backwards looks at a FIFO queue's runs, where nothing comes out of order.
func (p *property) backwards(calls []localcloud.Call) []string {
	if !p.model.fifo {
		return nil
	}
	return p.model.backwards(calls)
}

// retell tells all about the things that are named in what was found.
func (p *property) retell(calls []localcloud.Call, found []string) {
	named := func(thing string) bool { return strings.Contains(strings.Join(found, " "), thing) }
	const clock = "15:04:05.000"
	for _, e := range p.model.sent {
		if named(e.thing) {
			p.t.Logf("event %d (%s) sent %s, happened %s, gone %s: %s %s", e.n, e.id[:8],
				e.sentAt.UTC().Format(clock), e.effective().UTC().Format(time.RFC3339Nano), p.model.gone[e.id].UTC().Format(clock), e.thing, e.members)
		}
	}
	for _, c := range calls {
		if named(c.Thing) {
			p.t.Logf("call %s to %s: %d %s, applied %s: %s %s", c.At.UTC().Format(clock), c.End.UTC().Format(clock), c.Status, c.Code, c.AppliedAt.UTC().Format(clock), c.Thing, c.Body)
		}
	}
}

func report(t *testing.T, what string, found []string) {
	t.Helper()
	for i, f := range found {
		if i == 10 {
			t.Errorf("… and %d more", len(found)-i)
			return
		}
		t.Errorf("%s: %s", what, f)
	}
}

// lockedSource makes a source safe for use by many goroutines.
type lockedSource struct {
	mu     sync.Mutex
	source rand.Source
}

func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Uint64()
}
