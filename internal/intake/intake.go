// Package intake decides what happens to a message before it waits for its call: the
// receive limit, the decoding, and the letters of messages that go no further.
package intake

import (
	"strconv"
	"sync"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// SuspectReceives is the number of receives that makes a message a suspect. Only one
// suspect at a time is decoded or called: if one of them kills the worker, the others are
// not blamed for it.
const SuspectReceives = 5

// Options of an Intake.
type Options struct {
	// CircuitOpen reports whether the circuit is open. While it is, no letter is written.
	// Call Resume when it closes. Nil: never.
	CircuitOpen func() bool
	// Saw is called for each message that waits for a call. Nil: not called.
	Saw         func(thing, tenant string)
	MaxReceives int // a message received more often than this is dead-lettered
	// Tenants: MessageGroupId names the tenant, as it does on a standard queue.
	Tenants bool
	Decode  message.Options
}

// Intake is the consumer's handler. Safe for use by many goroutines.
type Intake struct {
	o       Options
	backlog *backlog.Backlog
	metrics *telemetry.Metrics

	suspects sync.Mutex // held while a suspect is decoded
	letters  letters
}

// New makes an Intake that feeds b.
func New(b *backlog.Backlog, m *telemetry.Metrics, o Options) *Intake {
	if o.Saw == nil {
		o.Saw = func(string, string) {}
	}
	if o.CircuitOpen == nil {
		o.CircuitOpen = func() bool { return false }
	}
	return &Intake{o: o, backlog: b, metrics: m, letters: letters{circuitOpen: o.CircuitOpen}}
}

// delivery is the part of a *consumer.Delivery that is used here.
type delivery interface {
	backlog.Claim
	Message() *timeline.Message
}

// Deliver takes messages over: each waits in the backlog, or is ended here.
func (in *Intake) Deliver(ds []*consumer.Delivery) {
	items := make([]*backlog.Item, 0, len(ds))
	for _, d := range ds {
		if it := in.item(d); it != nil {
			items = append(items, it)
		}
	}
	if in.backlog.Add(items...) {
		return
	}
	for _, it := range items {
		it.Claim.Release(0) // the backlog is closed: the worker stops
	}
}

// item is what waits of a message; nil if the message is ended, or its letter is kept.
func (in *Intake) item(d delivery) *backlog.Item {
	msg := d.Message()
	if receives := message.Receives(msg.Incoming); receives > in.o.MaxReceives {
		// Not decoded: decoding may be what kills the worker.
		u := message.Undecoded(msg.Incoming)
		in.letters.write(d, &u, message.Failure{
			Reason: message.ReceivedTooOften,
			Detail: "received " + strconv.Itoa(receives) + " times, more than WORKER_MAX_RECEIVES = " + strconv.Itoa(in.o.MaxReceives) + "; raise that to try it again",
		})
		return nil
	}
	u, faults := in.decode(msg.Incoming)
	if u.TimeIgnored != "" {
		in.metrics.EventTimesIgnored.Inc(u.TimeIgnored)
	}
	msg.About(u.Thing)
	switch {
	case len(faults) > 0:
		in.letters.write(d, &u, message.Failure{
			Reason: message.InvalidMessage, Faults: faults,
			Detail: message.InShort(faults),
		})
		return nil
	case len(u.Members) == 0:
		d.Settle(message.Unchanged)
		return nil
	}
	it := &backlog.Item{Waiting: merge.Waiting{Update: &u}, Message: msg, Claim: d, Suspect: u.Receives >= SuspectReceives}
	if in.o.Tenants {
		it.Tenant = msg.GroupID
	}
	in.o.Saw(u.Thing, it.Tenant)
	return it
}

func (in *Intake) decode(msg message.Incoming) (message.Update, []message.Fault) {
	if message.Receives(msg) >= SuspectReceives {
		in.suspects.Lock()
		defer in.suspects.Unlock()
	}
	return message.Decode(msg, in.o.Decode)
}

// Lost takes a message out of what waits: its lease is gone.
func (in *Intake) Lost(d *consumer.Delivery) {
	in.backlog.Remove(d)
	in.letters.forget(d)
}

// Resume writes the letters that were kept while the circuit was open.
func (in *Intake) Resume() { in.letters.writeKept() }

// Close gives back the messages whose letters are kept, now and later.
func (in *Intake) Close() { in.letters.close() }
