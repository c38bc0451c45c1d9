package pace

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// scenario is a service with a quota, the programs that share it, and replicas of
// the worker with something to send. The quota is a token bucket.
type scenario struct {
	quota    []step  // a bucket is full when its rate changes
	burst    float64 // of the bucket, in seconds of the quota; 0 is 1
	latency  time.Duration
	replicas []plan
	others   float64            // calls a second of another program that never slows down
	troubles [][2]time.Duration // from, until: the service answers nothing but errors
	restart  time.Duration      // when replicas are told that a trouble is over; 0 is never
	length   time.Duration      // 0 is until the backlogs are done
}

// step is a rate, a second, from a time on.
type step struct {
	from time.Duration
	rate float64
}

// plan is what one replica has to do.
type plan struct {
	backlog int
	feed    []step // messages that arrive
	from    time.Duration
}

// always is a backlog that no run gets to the end of.
const always = 1 << 40

// busy are n replicas that always have something to send.
func busy(n int) []plan {
	plans := make([]plan, n)
	for i := range plans {
		plans[i].backlog = always
	}
	return plans
}

// outcome is what came of a run.
type outcome struct {
	ended     time.Duration
	applied   [][]float64 // calls that succeeded, of each replica in each second
	calls     []float64   // answers in each second
	throttled []float64   // of them
	rates     []float64   // of each replica at the end
	peak      float64     // the highest rate of any
}

// share is the part of the calls that was throttled, from a second on.
func (o outcome) share(from int) float64 {
	return sum(o.throttled, from, len(o.throttled)) / max(1, sum(o.calls, from, len(o.calls)))
}

// mean is what all replicas together applied a second.
func (o outcome) mean(from, to int) float64 {
	total := 0.0
	for _, a := range o.applied {
		total += sum(a, from, to)
	}
	return total / float64(to-from)
}

// jain is Jain's index of the replicas' shares: 1 if all are equal, 1/n if one has all.
func (o outcome) jain(from, to int) float64 {
	total, squares := 0.0, 0.0
	for _, a := range o.applied {
		x := sum(a, from, to)
		total += x
		squares += x * x
	}
	return total * total / (float64(len(o.applied)) * squares)
}

func sum(list []float64, from, to int) float64 {
	total := 0.0
	for i := from; i < min(to, len(list)); i++ {
		total += list[i]
	}
	return total
}

func count(list []float64, at time.Duration) []float64 {
	for len(list) <= int(at/time.Second) {
		list = append(list, 0)
	}
	list[at/time.Second]++
	return list
}

// concurrency is how many calls a replica has under way at most.
const concurrency = 64

type kind int

const (
	quotaChanges kind = iota
	messageArrives
	tokenDue
	callArrives
	callAnswered
	otherCalls
	troubleOver
)

type event struct {
	at   time.Duration
	kind kind
	who  int // the replica
	step int
	end  Result
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

type replica struct {
	bucket  tokenBucket
	backlog int
	flying  int
	waiting bool          // for a token
	wake    time.Duration // when it will look for one
}

// simulation is one run: events in the order of their times, no goroutine, no
// clock but theirs.
type simulation struct {
	scenario
	rng      *rand.Rand
	events   events
	now      time.Duration
	replicas []replica
	left     int // messages of the backlogs, not applied yet

	rate, size, tokens float64 // of the service's bucket
	filled             time.Duration

	out outcome
}

// simulate runs a scenario with a law for each replica. The same seed gives the
// same run.
func simulate(s scenario, seed uint64, newLaw func(*rand.Rand) rateLaw) outcome {
	if s.burst == 0 {
		s.burst = 1
	}
	sim := &simulation{scenario: s, rng: rand.New(rand.NewPCG(seed, 0))}
	for i := range s.quota {
		sim.push(event{at: s.quota[i].from, kind: quotaChanges, step: i})
	}
	if s.others > 0 {
		sim.push(event{kind: otherCalls})
	}
	if s.restart > 0 {
		sim.push(event{at: s.restart, kind: troubleOver})
	}
	sim.out.applied = make([][]float64, len(s.replicas))
	for i, p := range s.replicas {
		l := newLaw(rand.New(rand.NewPCG(seed, uint64(i)+1)))
		sim.replicas = append(sim.replicas, replica{bucket: newTokenBucket(l), backlog: p.backlog})
		sim.left += p.backlog
		sim.push(event{at: p.from, kind: tokenDue, who: i})
		for k, f := range p.feed {
			sim.push(event{at: f.from, kind: messageArrives, who: i, step: k})
		}
	}
	for len(sim.events) > 0 && (s.length > 0 || sim.left > 0) {
		e := heap.Pop(&sim.events).(event)
		if s.length > 0 && e.at > s.length {
			break
		}
		sim.now = e.at
		sim.happen(e)
	}
	sim.out.ended = sim.now
	for i := range sim.replicas {
		sim.out.rates = append(sim.out.rates, sim.replicas[i].bucket.law.rate())
	}
	return sim.out
}

func (s *simulation) push(e event) { heap.Push(&s.events, e) }

// way is half a call's latency, give or take 15%.
func (s *simulation) way() time.Duration {
	return time.Duration((0.35 + 0.3*s.rng.Float64()) * float64(s.latency))
}

func (s *simulation) happen(e event) {
	switch e.kind {
	case quotaChanges:
		s.rate = s.quota[e.step].rate
		s.size = max(1, s.rate*s.burst)
		s.tokens, s.filled = s.size, s.now
	case messageArrives:
		feed := s.scenario.replicas[e.who].feed
		if e.step+1 < len(feed) && feed[e.step+1].from <= s.now || feed[e.step].rate == 0 {
			return
		}
		s.replicas[e.who].backlog++
		e.at += time.Duration(float64(time.Second) / feed[e.step].rate)
		s.push(e)
		s.send(e.who)
	case tokenDue:
		s.send(e.who)
	case callArrives:
		e.end = s.answer()
		e.kind, e.at = callAnswered, s.now+s.way()
		s.push(e)
	case callAnswered:
		s.answered(e)
	case otherCalls:
		s.answer()
		e.at += time.Duration((0.5 + s.rng.Float64()) / s.others * float64(time.Second))
		s.push(e)
	case troubleOver:
		for i := range s.replicas {
			if l, ok := s.replicas[i].bucket.law.(*rateController); ok {
				l.restart(s.now, 10)
			}
		}
	}
}

// answer is what the service says to a call.
func (s *simulation) answer() Result {
	for _, t := range s.troubles {
		if s.now >= t[0] && s.now < t[1] {
			return NoAnswer
		}
	}
	s.tokens = min(s.size, s.tokens+(s.now-s.filled).Seconds()*s.rate)
	s.filled = s.now
	if s.tokens < 1 {
		return Throttled
	}
	s.tokens--
	return Granted
}

func (s *simulation) answered(e event) {
	r := &s.replicas[e.who]
	r.flying--
	s.out.calls = count(s.out.calls, s.now)
	switch e.end {
	case Granted:
		s.out.applied[e.who] = count(s.out.applied[e.who], s.now)
		s.left--
	case Throttled:
		s.out.throttled = count(s.out.throttled, s.now)
		r.backlog++
	case NoAnswer:
		r.backlog++
	}
	r.bucket.fill(s.now, r.waiting)
	r.bucket.report(s.now, e.end, 0)
	s.out.peak = max(s.out.peak, r.bucket.law.rate())
	s.send(e.who)
}

// send lets a replica make the calls it may make, or wait for its next token.
func (s *simulation) send(who int) {
	r := &s.replicas[who]
	if s.now < s.scenario.replicas[who].from {
		return
	}
	r.bucket.fill(s.now, r.waiting)
	for r.flying < concurrency && r.backlog > 0 {
		if !r.bucket.take(s.now) {
			r.waiting = true
			if at := s.now + r.bucket.due(s.now); r.wake <= s.now || at < r.wake {
				r.wake = at
				s.push(event{at: at, kind: tokenDue, who: who})
			}
			return
		}
		r.flying++
		r.backlog--
		s.push(event{at: s.now + s.way(), kind: callArrives, who: who})
	}
	r.waiting = false
	r.bucket.settle()
}
