package e2e

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

const motoFIFO = "its SequenceNumbers do not tell the order"

var fifoCases = []standInCase{
	{
		name: "FIFO order holds and a failing group stops only itself", run: (*outside).failingGroup,
		layout: outsideLayout{fifo: true, settings: func(c *config.Config) {
			c.RetryMax = time.Second
			// As long as a failed call may still land on top of the next value, that
			// value is held and sent once more.
			c.CallTimeout = time.Second
		}},
		cannot: map[string]string{"moto": motoFIFO},
	},
	{
		name: "a broken message of a FIFO group goes to the FIFO dead letters and lets the group go on", run: (*outside).brokenInGroup,
		layout: outsideLayout{fifo: true},
		cannot: map[string]string{"moto": motoFIFO},
	},
}

// failingGroup: equal event times, so that only SequenceNumber tells the order.
func (o *outside) failingGroup(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	o.cloud.Faults.OnCall = func(c localcloud.CallInfo) *localcloud.Fault {
		if c.Thing == "stuck" && failing.Load() {
			return &localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalServerException"}
		}
		return nil
	}
	things := []string{"stuck", "lamp", "plug", "door"}
	sameTime := stampedAt(time.Now().Add(-time.Minute))
	var messages []outgoing
	for _, to := range []string{"on", "off", "dim", "on"} {
		for _, thing := range things {
			messages = append(messages, outgoing{body: name(thing, to), attributes: sameTime, group: thing})
		}
	}
	messages = append(messages, outgoing{body: name("stuck", "last"), attributes: sameTime, group: "stuck"})
	o.sendAll(messages...)

	w := o.start()
	o.until("the other groups are done", patience, func() bool {
		visible, inFlight := o.count()
		return visible+inFlight == 5 && len(o.calls("stuck")) >= 3
	})
	for _, thing := range things[1:] {
		o.wantMember(thing, "Name", `"on"`)
	}
	if _, set := o.cloud.Things.Get("stuck"); set {
		t.Error("a thing all of whose calls failed is set")
	}
	failing.Store(false)
	o.drained()
	w.stopped()
	o.wantMember("stuck", "Name", `"last"`)
	if s := w.Status(); s.Messages.Outcomes["dead_lettered"]+s.Messages.Outcomes["released"] != 0 {
		t.Errorf("outcomes %v", s.Messages.Outcomes)
	}
}

func (o *outside) brokenInGroup(t *testing.T) {
	const broken = `{"Identifier":"lamp","Name":"off","Nmae":"x"}`
	o.sendAll(
		outgoing{body: name("lamp", "on"), group: "lamp"},
		outgoing{body: broken, group: "lamp"},
		outgoing{body: name("lamp", "dim"), group: "lamp"},
	)
	w := o.start()
	letters := o.letters(1)
	o.drained()
	w.stopped()
	o.wantMember("lamp", "Name", `"dim"`)
	l := letters[broken]
	if l.failure.Reason != message.InvalidMessage || l.failure.SequenceNumber == "" || l.Attributes["MessageGroupId"] != "lamp" ||
		l.Attributes["MessageDeduplicationId"] != l.failure.MessageID {
		t.Errorf("letter %v: %+v", l.Attributes, l.failure)
	}
}
