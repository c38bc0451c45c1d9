// Package fleet makes up the messages of a fleet of smart-home things: what
// their producers send, in the wrappings, the order and the state of repair in
// which real producers send it, under a seed. A Ledger works out what the things
// should be like once all of it is settled. For tests and for trying the worker
// out; no part of the worker.
package fleet

import (
	"math/rand/v2"
	"time"

	"managed-thing-updater/internal/message"
)

// Options of a Fleet; the zero value is usable.
type Options struct {
	// Things is how many things exist; 0 is 200, fewer than 20 are 20.
	Things int
	// FIFO makes messages for a FIFO queue: each with its thing as the group and
	// a deduplication id of its own, and none delayed. On a standard queue the
	// group is the thing's home.
	FIFO bool
}

// Message is one message of a producer, and what it is.
type Message struct {
	Body        string
	Attributes  map[string]message.Attribute
	GroupID     string
	DedupID     string // FIFO only
	TraceHeader string
	Delay       time.Duration // until it can be received, at most 3 s

	Kind      string   // one of kindWeights, or of a fault
	Twist     string   // of Twists; empty for a message as it should be
	Wrappings []string // outermost first; of Wrappings

	Broken  bool // it breaks a rule of the API or the wrapping; Event is empty
	Missing bool // its thing does not exist
	Refused bool // its Name is RefusedName

	Event Event
}

// Event is what a message that is not broken says.
type Event struct {
	Thing   string
	Members []message.Member // as in message.Update
	// Time is when it happened by the producer's clock, with the digits that the
	// message has room for; zero if the message does not say.
	Time time.Time
	// Key is the dedup key as in message.Update; empty if the message has
	// none of its own.
	Key string
}

// RefusedName is a Name that no rule forbids. The one who plays the API is to
// refuse it with a ValidationException.
const RefusedName = "Reserved by the platform"

// Twists are what can be odd about a message that is sound in itself.
var Twists = []string{"late", "very late", "delayed", "clock at 1970", "clock at 2090"}

// Fleet makes messages. Not safe for concurrent use.
type Fleet struct {
	options Options
	rand    *rand.Rand
	made    int
	version int // of firmware and the like: values that change

	things  []*thing
	missing []string
	recent  []Message // those that a producer may send again

	kinds     shuffledBag[string]
	twists    shuffledBag[string]
	wrappings shuffledBag[[]string]
	faults    shuffledBag[fault]
}

// New makes a fleet. Two fleets of the same seed and options make the same
// messages when they are asked at the same times.
func New(seed uint64, o Options) *Fleet {
	if o.Things == 0 {
		o.Things = 200
	}
	o.Things = max(o.Things, 20)
	f := &Fleet{options: o, rand: rand.New(rand.NewPCG(seed, 0xf1ee7))}
	for range o.Things {
		f.things = append(f.things, f.newThing())
	}
	for range 3 {
		f.missing = append(f.missing, f.newThing().id)
	}
	f.kinds = newBag(kindWeights)
	f.twists = newBag(twistWeights)
	for _, w := range wrappingWeights {
		f.wrappings.add(w.chain, w.times)
	}
	for _, b := range faults {
		f.faults.add(b, 1)
	}
	return f
}

// Things are the identifiers of all things that exist.
func (f *Fleet) Things() []string {
	ids := make([]string, len(f.things))
	for i, t := range f.things {
		ids[i] = t.id
	}
	return ids
}

// Next makes the message that is sent now. Send it with a SentTimestamp that is
// not before this call, or an event may have happened after it was sent.
func (f *Fleet) Next() Message {
	f.made++
	now := time.Now()
	kind := f.kinds.next(f.rand)
	if kind == again && len(f.recent) == 0 {
		kind = metadata
	}
	var m Message
	switch kind {
	case again:
		m = f.recent[f.rand.IntN(len(f.recent))]
		m.Kind, m.Twist, m.Delay = again, "", 0
	case broken:
		m = f.newBroken(now)
	default:
		m = f.newSound(kind, now)
	}
	m.TraceHeader = ""
	if f.chance(3) {
		m.TraceHeader = "Root=1-" + f.hex(8) + "-" + f.hex(24) + ";Parent=" + f.hex(16) + ";Sampled=1"
	}
	if f.options.FIFO {
		m.DedupID, m.Delay = f.uuid(), 0
	}
	return m
}

func (f *Fleet) newSound(kind string, now time.Time) Message {
	m := Message{Kind: kind, Twist: f.twists.next(f.rand)}
	t := f.pick(kind)
	m.GroupID = f.group(t)
	m.Event.Thing, m.Event.Members = t.id, f.members(kind, t)
	switch kind {
	case missing:
		m.Missing, m.Event.Thing = true, f.missing[f.rand.IntN(len(f.missing))]
		if f.options.FIFO {
			m.GroupID = m.Event.Thing
		}
	case refused:
		m.Refused = true
	}

	// An event is a few milliseconds old, at least, when its message is sent.
	happened := now.Add(-time.Duration(5+f.rand.IntN(1500)) * time.Millisecond)
	switch m.Twist {
	case "late":
		happened = now.Add(-time.Duration(2+f.rand.IntN(60)) * time.Second)
	case "very late":
		happened = now.Add(-time.Duration(1+f.rand.IntN(72)) * time.Hour)
	case "delayed":
		m.Delay = time.Duration(1+f.rand.IntN(3)) * time.Second
	case "clock at 1970":
		happened = time.Unix(int64(f.rand.IntN(7200)), 0)
	case "clock at 2090":
		happened = time.Date(2090, 1, 1, 0, 0, f.rand.IntN(7200), 0, time.UTC)
	}
	f.wrap(&m, f.request(m.Event), happened)

	believable := !m.Event.Time.IsZero() && m.Twist != "clock at 1970" && m.Twist != "clock at 2090"
	if believable && m.Event.Key != "" && !m.Refused && !m.Missing {
		f.remember(m)
	}
	return m
}

// remember keeps the last messages that can be told when they come again.
func (f *Fleet) remember(m Message) {
	if len(f.recent) < 30 {
		f.recent = append(f.recent, m)
		return
	}
	f.recent[f.rand.IntN(len(f.recent))] = m
}

func (f *Fleet) group(t *thing) string {
	if f.options.FIFO {
		return t.id
	}
	return t.home
}
