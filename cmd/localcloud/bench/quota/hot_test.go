package quota

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// hot are updates of 200 things, some of them far more often than others.
type hot struct {
	sent   map[string][]time.Time // by thing; the nth message's Name is n
	number int
	ready  time.Time // no wait counts before
}

const (
	hotThings   = 200
	hotMessages = 20_000
)

func (h *hot) send(r *run, thing string, at time.Time) {
	if h.sent == nil {
		h.sent = make(map[string][]time.Time)
	}
	body := name(thing, fmt.Sprint(len(h.sent[thing])))
	h.sent[thing] = append(h.sent[thing], at)
	h.number++
	r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body, SentAt: at})
}

// waited is that of the longest-waiting of the messages that a call settled.
type waited struct {
	thing string
	took  time.Duration
	ended time.Time
}

// waits are those of the calls that were applied, and by thing when its last
// message was.
func (h *hot) waits(y tally) (waits []waited, last map[string]time.Time) {
	last = make(map[string]time.Time)
	next := make(map[string]int) // the first message that no call has settled yet
	for _, c := range y.calls {
		sent := h.sent[c.Thing]
		var n int
		if !c.Applied {
			continue
		}
		if _, err := fmt.Sscanf(c.Body, `{"Name":"%d"}`, &n); err != nil || n < next[c.Thing] {
			continue
		}
		waits = append(waits, waited{c.Thing, c.AppliedAt.Sub(h.from(sent[next[c.Thing]])), c.AppliedAt})
		next[c.Thing] = n + 1
		if n == len(sent)-1 {
			last[c.Thing] = c.AppliedAt
		}
	}
	return waits, last
}

// from is when a message's wait begins.
func (h *hot) from(sent time.Time) time.Time {
	if sent.Before(h.ready) {
		return h.ready
	}
	return sent
}

// figures are what both courses of hot things look at.
func (h *hot) figures(r *run, y tally) figures {
	waits, last := h.waits(y)
	ones, usual := compared(waits)
	late, faults := 0.0, 0
	for thing, sent := range h.sent {
		if last[thing].IsZero() {
			late = never
		}
		late = max(late, last[thing].Sub(h.from(sent[len(sent)-1])).Seconds())
		members, _ := r.cloud.Things.Get(thing)
		if string(members["Name"]) != fmt.Sprintf("%q", fmt.Sprint(len(sent)-1)) {
			faults++
		}
	}
	f := r.usual(y)
	f[newest], f[wrong], f[perCall] = late, float64(faults), float64(h.number)/float64(len(y.calls))
	f[single], f[usualSingle] = ones, usual
	return f
}

func hotThing(n uint64) string { return fmt.Sprint("hot-", n) }

func hotFed(r *run) figures {
	zipf := rand.NewZipf(r.rng, 1.1, 1, hotThings-1)
	var h hot
	r.replicas(1)
	for n := range hotMessages {
		if n%200 == 0 && n > 0 && n/200 <= 95 {
			h.send(r, fmt.Sprint(lone, n/200), time.Now())
		}
		h.send(r, hotThing(zipf.Uint64()), time.Now())
		time.Sleep(5 * time.Millisecond)
	}
	r.settled(10 * time.Minute)
	return h.figures(r, r.tally())
}

// lone begins the names of things with one message each.
const lone = "single-"

// compared are the longest wait of the things with one message over the hot ones'
// longest, and the median of what each waited over what the hot ones waited whose
// calls ended within a second of its.
func compared(waits []waited) (most, usual float64) {
	var ones, hots []waited
	for _, w := range waits {
		if strings.HasPrefix(w.thing, lone) {
			ones = append(ones, w)
		} else {
			hots = append(hots, w)
		}
	}
	var shares []float64
	for _, one := range ones {
		var beside []time.Duration
		for _, w := range hots {
			if w.ended.Sub(one.ended).Abs() <= time.Second {
				beside = append(beside, w.took)
			}
		}
		if len(beside) > 0 {
			shares = append(shares, one.took.Seconds()/middle(beside).Seconds())
		}
	}
	return longest(ones).Seconds() / longest(hots).Seconds(), middle(shares)
}

func longest(waits []waited) (took time.Duration) {
	for _, w := range waits {
		took = max(took, w.took)
	}
	return took
}

func hotReady(r *run) figures {
	zipf := rand.NewZipf(r.rng, 1.1, 1, hotThings-1)
	h := hot{ready: time.Now()}
	for n := range hotMessages { // a millisecond apart: of two sent at once neither is the newest
		at := h.ready.Add(time.Duration(n-hotMessages) * time.Millisecond)
		if n%1000 == 500 {
			h.send(r, fmt.Sprint(lone, n/1000), at)
		}
		h.send(r, hotThing(zipf.Uint64()), at)
	}
	r.replicas(1)
	r.settled(10 * time.Minute)
	return h.figures(r, r.tally())
}
