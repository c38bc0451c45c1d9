package intake

import (
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

const (
	good  = `{"Identifier":"lamp","Name":"on"}`
	empty = `{"Identifier":"lamp"}`
	bad   = `{"Identifier":"lamp","Name":7}`
)

// held is a message, and how it ended.
type held struct {
	backlog.Claim
	msg timeline.Message
	end string
}

func hold(body string, receives int) *held {
	r := timeline.Recorder{Metrics: telemetry.NewMetrics()}
	in := message.Incoming{ID: "m", Body: body, SentAt: time.Now(), GroupID: "house", Receives: receives}
	return &held{msg: r.Received(in, time.Now()), end: "held"}
}

func (h *held) Message() *timeline.Message { return &h.msg }
func (h *held) Settle(o message.Outcome)   { h.end = string(o) }
func (h *held) Release(time.Duration)      { h.end = "released" }

func (h *held) DeadLetter(_ *message.Update, f message.Failure) {
	h.end = fmt.Sprintf("letter %s, %d faults", f.Reason, len(f.Faults))
}

func TestWhatHappensToAMessageBeforeItWaits(t *testing.T) {
	closed := func(in *Intake, _ *held) { in.Close() }
	resumed := func(in *Intake, _ *held) { in.Resume() }
	lost := func(in *Intake, h *held) {
		in.letters.forget(h)
		in.Resume()
	}
	for name, c := range map[string]struct {
		body        string
		receives    int
		circuitOpen bool
		then        func(*Intake, *held)
		end, waits  string
	}{
		"an update waits":                             {body: good, receives: 4, end: "held", waits: "lamp of house"},
		"one that was received often is a suspect":    {body: good, receives: 5, end: "held", waits: "lamp of house, a suspect"},
		"one that was received too often is not read": {body: bad, receives: 11, end: `letter received_too_often, 0 faults`},
		"an update without members is done":           {body: empty, receives: 1, end: "unchanged"},
		"a faulty one is a letter":                    {body: bad, receives: 1, end: `letter invalid_message, 1 faults`},

		"an update waits while the circuit is open":        {body: good, receives: 1, circuitOpen: true, end: "held", waits: "lamp of house"},
		"a letter is kept while the circuit is open":       {body: bad, receives: 1, circuitOpen: true, end: "held"},
		"so is one of a message received too often":        {body: bad, receives: 11, circuitOpen: true, end: "held"},
		"a kept letter is written when the circuit closes": {body: bad, receives: 1, circuitOpen: true, then: resumed, end: `letter invalid_message, 1 faults`},
		"but not if its lease was lost":                    {body: bad, receives: 1, circuitOpen: true, then: lost, end: "held"},
		"a kept letter is given back by a stop":            {body: bad, receives: 1, circuitOpen: true, then: closed, end: "released"},
	} {
		in := New(backlog.New(), telemetry.NewMetrics(), Options{
			MaxReceives: 10, Tenants: true, CircuitOpen: func() bool { return c.circuitOpen },
		})
		h, waits := hold(c.body, c.receives), ""
		if it := in.item(h); it != nil {
			waits = it.Update.Thing + " of " + it.Tenant
			if it.Suspect {
				waits += ", a suspect"
			}
		}
		if c.then != nil {
			c.then(in, h)
		}
		if h.end != c.end || waits != c.waits {
			t.Errorf("%s: it is %s and waits as %q; want %s and %q", name, h.end, waits, c.end, c.waits)
		}
	}
}

func TestALetterThatComesAfterAStopIsGivenBack(t *testing.T) {
	in := New(backlog.New(), telemetry.NewMetrics(), Options{MaxReceives: 10, CircuitOpen: func() bool { return true }})
	in.Close()
	h := hold(bad, 1)
	if in.item(h); h.end != "released" {
		t.Errorf("it is %s", h.end)
	}
}

func TestWhatWaitsIsSeenOnceAndNothingElse(t *testing.T) {
	seen := ""
	in := New(backlog.New(), telemetry.NewMetrics(), Options{MaxReceives: 10, Saw: func(thing, tenant string) { seen += thing + tenant + " " }})
	for _, body := range []string{good, bad, empty} {
		in.item(hold(body, 1))
	}
	if seen != "lamp " {
		t.Errorf("seen: %q", seen)
	}
}
