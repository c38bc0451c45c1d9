package pace

import (
	"sync"
	"time"
)

// Ending is how a call ended, as far as the circuit is concerned.
type Ending int

const (
	Succeeded     Ending = iota // 204
	Alive                       // the API works, whatever it said: throttled, conflict
	Refused                     // the API works and refused this thing or its values, by a modelled code
	Failing                     // no answer, the service's own trouble, or a refusal that may be meant for all
	CallerRefused               // the API does not accept the caller: credentials, signature, clock
)

// Why a circuit is open. A closed set.
const (
	OpenFailing   = "failing"    // calls for different things fail with no success between them
	OpenCaller    = "caller"     // the API does not accept who we are
	OpenAllRefuse = "all_refuse" // everything is refused: a wrong Region, account or endpoint
	OpenState     = "state"      // the store of the things' records does not answer
)

// OpenReasons lists why a circuit opens, for metrics that exist from the start.
var OpenReasons = []string{OpenFailing, OpenCaller, OpenAllRefuse, OpenState}

const (
	// failingThings is how many different things must fail, with no success
	// between them, to open the circuit.
	failingThings = 3
	// refusedThings is how many different things in a row must be refused, with no
	// success for refusedFor, to take it for a wrong Region, account or endpoint.
	refusedThings = 20
	refusedFor    = 10 * time.Minute
	// probeEvery is the shortest time between the starts of two probes.
	probeEvery = time.Second
	// firstProbeTimeout bounds the first probe; each one that fails lets the next
	// take a tenth longer, up to a call's own timeout. A service that hangs is
	// found out soon, one that has become slow in the end.
	firstProbeTimeout = 3 * time.Second
)

// Circuit keeps calls and receives back while a service is in trouble, and lets
// single probes through to find out when that is over. It is no
// library's, because those do not tell things apart: it opens on failures of different
// things, and what closes it depends on what opened it. Safe for use by many
// goroutines.
type Circuit struct {
	callTimeout time.Duration
	changed     func(State) // called, without the lock, when it opens or closes

	mu          sync.Mutex
	failing     map[string]bool // things that failed since the last success; at most failingThings
	refused     map[string]bool // things that were refused since the last success; at most refusedThings
	noAnswer    map[string]bool // things for which the store did not answer, since it last did; at most failingThings
	lastSuccess time.Time       // zero: never
	state       State
	probing     bool
	probeFor    time.Duration
}

// State is a circuit at one moment.
type State struct {
	Open      bool
	Why       string        // one of OpenFailing, OpenCaller, OpenAllRefuse, OpenState
	Code      string        // of the failure that opened it
	Since     time.Time     // when it opened
	NextProbe time.Time     // not before
	For       time.Duration // how long it was open; set when it has just closed
}

// NewCircuit makes a closed circuit. changed may be nil.
func NewCircuit(callTimeout time.Duration, changed func(State)) *Circuit {
	if changed == nil {
		changed = func(State) {}
	}
	return &Circuit{callTimeout: callTimeout, changed: changed, failing: map[string]bool{}, refused: map[string]bool{}, noAnswer: map[string]bool{}}
}

// Ended tells how a call for thing ended, a probe's or any other's. code names the
// failure for people.
func (c *Circuit) Ended(thing string, e Ending, code string) {
	c.mu.Lock()
	now := time.Now()
	before := c.state.Open
	switch e {
	case Succeeded:
		c.lastSuccess = now
		clear(c.failing)
		clear(c.refused)
		if c.state.Why != OpenState {
			c.closeLocked(now)
		}
	case Alive, Refused:
		if e == Refused {
			c.refuseLocked(thing, code, now)
		}
		if c.state.Why != OpenAllRefuse && c.state.Why != OpenState {
			c.closeLocked(now)
		}
	case Failing:
		if len(c.failing) < failingThings {
			c.failing[thing] = true
		}
		if len(c.failing) >= failingThings {
			c.openLocked(OpenFailing, code, now)
		}
	case CallerRefused:
		c.openLocked(OpenCaller, code, now)
	}
	c.unlockAndTell(before)
}

// StateAnswered tells whether the store answered when the record of thing was
// asked of it or written to it; that another owner holds the record is an answer.
// A call that was under way when the store failed says nothing of the store, so only
// an answer of the store closes the circuit that it opened.
func (c *Circuit) StateAnswered(thing string, ok bool) {
	c.mu.Lock()
	before := c.state.Open
	switch {
	case ok:
		clear(c.noAnswer)
		if c.state.Why == OpenState {
			c.closeLocked(time.Now())
		}
	case len(c.noAnswer) < failingThings:
		c.noAnswer[thing] = true
	}
	if len(c.noAnswer) >= failingThings {
		c.openLocked(OpenState, "", time.Now())
	}
	c.unlockAndTell(before)
}

// unlockAndTell unlocks, and then tells of the opening or closing since the lock was taken.
func (c *Circuit) unlockAndTell(before bool) {
	after := c.state
	if before && !after.Open {
		c.state = State{} // only changed is told For, once
	}
	c.mu.Unlock()
	if before != after.Open {
		c.changed(after)
	}
}

func (c *Circuit) refuseLocked(thing, code string, now time.Time) {
	if len(c.refused) < refusedThings {
		c.refused[thing] = true
	}
	if len(c.refused) >= refusedThings && (c.lastSuccess.IsZero() || now.Sub(c.lastSuccess) >= refusedFor) {
		c.openLocked(OpenAllRefuse, code, now)
	}
}

func (c *Circuit) openLocked(why, code string, now time.Time) {
	if c.state.Open {
		return
	}
	c.state = State{Open: true, Why: why, Code: code, Since: now, NextProbe: now.Add(probeEvery)}
	c.probeFor = min(firstProbeTimeout, c.callTimeout)
}

func (c *Circuit) closeLocked(now time.Time) {
	if !c.state.Open {
		return
	}
	c.state = State{Why: c.state.Why, Code: c.state.Code, Since: c.state.Since, For: now.Sub(c.state.Since)}
	clear(c.failing)
}

// Resume closes the circuit on an operator's word.
func (c *Circuit) Resume() {
	c.mu.Lock()
	before := c.state.Open
	clear(c.refused)
	clear(c.noAnswer)
	c.closeLocked(time.Now())
	c.unlockAndTell(before)
}

// State returns the circuit as it is.
func (c *Circuit) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// TakeProbe asks whether to send a probe while the circuit is open. If one may go out
// now, ok is true, the probe may take timeout, and ProbeDone must follow. Otherwise wait
// is when to ask again; 0 if the circuit is closed.
func (c *Circuit) TakeProbe() (timeout, wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case !c.state.Open:
		return 0, 0, false
	case c.probing || now.Before(c.state.NextProbe):
		return 0, max(probeEvery/10, c.state.NextProbe.Sub(now)), false
	}
	c.probing = true
	c.state.NextProbe = now.Add(probeEvery)
	timeout = c.probeFor
	c.probeFor = min(c.callTimeout, c.probeFor+c.probeFor/10)
	return timeout, 0, true
}

// ProbeDone ends a probe, sent or not. Ended tells how its call ended.
func (c *Circuit) ProbeDone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}
