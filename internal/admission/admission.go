// Package admission decides how many more messages may come in, and when to ask again.
//
// Three parts have a say, in this order:
//
//   - The operator's pause (pause.go): nothing comes in until it ends.
//   - The look-ahead (lookahead.go): no more comes in than is worth holding.
//   - The circuit (probes.go): while it is open, only what is needed to probe with.
//
// Only Admit changes anything. All else is a question, and asking it changes no answer.
package admission

import (
	"time"

	"managed-thing-updater/internal/pace"
)

const (
	// askAgain is how long an answer of Admit stands: by then things have had their turn,
	// or all were probed. What ends a pause or an open circuit wakes the consumer itself.
	askAgain = 5 * time.Second
	// twoReceives is how many messages two receives bring at most: SQS hands out at
	// most 10 at once.
	twoReceives = 20
)

// Options of a Gate. All are required.
type Options struct {
	MaxHeld int            // messages held at most
	Lease   time.Duration  // first lease of a message
	Rate    func() float64 // of calls, a second
	Circuit *pace.Circuit
	Waiting Waiting
	// LeasesEnd reports whether leases cannot be renewed for now.
	LeasesEnd func() bool
}

// Waiting is what the gate has to know of the things that wait for a call. Safe for
// use by many goroutines.
type Waiting interface {
	// InLine is how many things wait for their turn, without those that back off:
	// what failed must not keep out what is behind it.
	InLine() int
	// AllProbedSince reports whether all that wait, those that back off included,
	// were probed after since.
	AllProbedSince(since time.Time) bool
}

// Gate decides. Safe for use by many goroutines.
type Gate struct {
	Pause OperatorPause

	o      Options
	window *window
	probes probes
}

// New makes a gate of a worker that has received nothing yet.
func New(o Options) *Gate {
	return &Gate{o: o, window: newWindow(o.MaxHeld, o.Lease)}
}

// Admit decides whether to receive up to most messages more, beside held ones that have
// no outcome yet and coming ones that open receives may bring. n is how many of them; if
// it is 0, wait is when to ask again. The caller must receive what it lets in: a batch to
// probe with is let in once a minute.
func (g *Gate) Admit(held, coming, most int) (n int, wait time.Duration) {
	g.window.noteRate(g.o.Rate())
	if g.Pause.On() || g.enough(coming) {
		return 0, askAgain
	}
	if c := g.o.Circuit.State(); c.Open && !fewToProbeWith(held, coming) && !g.takeProbeBatch(c.Since) {
		return 0, askAgain
	}
	return most, 0
}

// Saw notes a message that was received. tenant is empty if it names none.
func (g *Gate) Saw(thing, tenant string) { g.window.saw(thing, tenant) }

// LookAhead is how many things are worth having in line. bounded is false if it is as
// many as may be held.
func (g *Gate) LookAhead() (things int, bounded bool) {
	rate := g.o.Rate()
	if g.o.LeasesEnd() {
		return g.window.withoutRenewals(rate), true
	}
	return g.window.worth(rate)
}

// Full reports whether as much is held as is worth holding, or two receives less: more
// may be in the queue.
func (g *Gate) Full() bool { return g.enough(twoReceives) }

// enough reports whether as many things are in line, or are coming, as are worth holding.
func (g *Gate) enough(coming int) bool {
	things, bounded := g.LookAhead()
	return bounded && g.o.Waiting.InLine()+coming >= things
}
