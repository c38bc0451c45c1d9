package fleet

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// MaxEventAge is how old an event may be when its message is sent, for a Ledger
// to believe its time: the worker's own default.
const MaxEventAge = 28 * 24 * time.Hour

// EffectiveTime is when the event counts as having happened, for a message sent
// at this time: a clock ahead, or one that was never set, does not count.
func (e Event) EffectiveTime(sentAt time.Time) time.Time {
	if e.Time.IsZero() || e.Time.After(sentAt) || sentAt.Sub(e.Time) > MaxEventAge {
		return sentAt
	}
	return e.Time
}

// Ledger remembers what was sent and works out the values that the things must
// have when all of it is settled: for each member, that of the newest event that
// sets it. It keeps digests, not values. Not safe for concurrent use.
type Ledger struct {
	// FIFO makes messages with the same event time count in the order of Sent,
	// not by their SentTimestamp and MessageId.
	FIFO bool

	sent   []entry
	void   map[string]bool // message ids that set nothing: dead-lettered
	open   map[string]bool // message ids that may or may not have been applied: left
	strays map[string]bool // things that another writer wrote to
}

type entry struct {
	id, thing  string
	at, sentAt time.Time
	values     []value
}

type value struct {
	member string
	digest [sha256.Size]byte
}

// Sent adds a message under the MessageId and SentTimestamp that it got.
func (l *Ledger) Sent(id string, sentAt time.Time, m Message) {
	if m.Broken {
		return
	}
	e := entry{id: id, thing: m.Event.Thing, at: m.Event.EffectiveTime(sentAt), sentAt: sentAt}
	for _, x := range m.Event.Members {
		e.values = append(e.values, value{x.Name, sha256.Sum256(x.Value)})
	}
	l.sent = append(l.sent, e)
}

// DeadLettered says that the message is in the dead-letter queue: it set nothing.
func (l *Ledger) DeadLettered(id string) { mark(&l.void, id) }

// Left says that the message is not settled: what its thing should be like is
// not known.
func (l *Ledger) Left(id string) { mark(&l.open, id) }

// Touched says that another writer wrote to this thing: it is not compared.
func (l *Ledger) Touched(thing string) { mark(&l.strays, thing) }

func mark(set *map[string]bool, id string) {
	if *set == nil {
		*set = make(map[string]bool)
	}
	(*set)[id] = true
}

// Check compares the things with what get says of them, byte for byte, and
// returns how many it compared and what differs, in no values' words.
func (l *Ledger) Check(get func(thing string) (map[string]json.RawMessage, bool)) (compared int, differences []string) {
	newest := make(map[string]map[string]value)
	skip := maps.Clone(l.strays)
	for _, e := range l.inOrder() {
		if l.open[e.id] {
			mark(&skip, e.thing)
		}
		if l.void[e.id] {
			continue
		}
		if newest[e.thing] == nil {
			newest[e.thing] = make(map[string]value)
		}
		for _, v := range e.values {
			newest[e.thing][v.member] = v
		}
	}
	for _, thing := range slices.Sorted(maps.Keys(newest)) {
		if skip[thing] {
			continue
		}
		compared++
		is, _ := get(thing)
		for _, name := range slices.Sorted(maps.Keys(newest[thing])) {
			if raw, ok := is[name]; !ok {
				differences = append(differences, fmt.Sprintf("%s of %s is not set", name, thing))
			} else if sha256.Sum256(bytes.TrimSpace(raw)) != newest[thing][name].digest {
				differences = append(differences, fmt.Sprintf("%s of %s is not that of the newest event", name, thing))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(is)) {
			if _, ok := newest[thing][name]; !ok {
				differences = append(differences, fmt.Sprintf("%s of %s was set by no message", name, thing))
			}
		}
	}
	return compared, differences
}

// inOrder returns what was sent, oldest event first.
func (l *Ledger) inOrder() []entry {
	all := slices.Clone(l.sent)
	slices.SortStableFunc(all, func(a, b entry) int {
		if c := a.at.Compare(b.at); c != 0 || l.FIFO {
			return c
		}
		return cmp.Or(a.sentAt.Compare(b.sentAt), cmp.Compare(a.id, b.id))
	})
	return all
}
