package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// gate holds the thing's first call until open is called, so that what is sent
// meanwhile waits together. The call carries a message of its own, on a member
// that the tests do not look at.
func (r *rig) gate(thing string) (w *worker, open func()) {
	r.t.Helper()
	hold := make(chan struct{})
	r.onCall(thing, first(1, &localcloud.Fault{Hold: hold}))
	w = r.start()
	r.send(fmt.Sprintf(`{"Identifier":%q,"HubNetworkMode":"STANDARD"}`, thing))
	r.until("the first call is under way", time.Minute, func() bool { return len(r.calls(thing)) == 1 })
	return w, func() {
		r.t.Helper()
		r.taken(w)
		close(hold)
	}
}

// taken waits until the worker has received all that the queue has.
func (r *rig) taken(w *worker) {
	r.t.Helper()
	r.until("everything is received", time.Minute, func() bool {
		for _, m := range r.cloud.SQS.Messages(r.queue) {
			if !m.InFlight {
				return false
			}
		}
		return true
	})
	synctest.Wait()
}

// applied sends a message and waits until the queue is empty again.
func (r *rig) settled(m localcloud.Message) string {
	r.t.Helper()
	id := r.cloud.SQS.Send(r.queue, m)
	r.drained(10 * time.Minute)
	return id
}

func text(value string) localcloud.Attribute {
	return localcloud.Attribute{DataType: "String", StringValue: value}
}

// put is a message body that sets one member to a raw value.
func put(thing, member, raw string) string {
	return fmt.Sprintf(`{"Identifier":%q,%q:%s}`, thing, member, raw)
}

// bodies are the bodies of the thing's calls, in their order.
func (r *rig) bodies(thing string) []string {
	var out []string
	for _, c := range r.calls(thing) {
		out = append(out, c.Body)
	}
	return out
}

// wantCalls checks the number of calls for a thing, or of all where it is empty.
func (r *rig) wantCalls(thing string, n int) {
	r.t.Helper()
	if got := r.bodies(thing); len(got) != n {
		r.t.Errorf("%d calls for %q, want %d:\n%s", len(got), thing, n, strings.Join(got, "\n"))
	}
}

func (r *rig) wantNoLetters() {
	r.t.Helper()
	if letters := r.letters(); len(letters) > 0 {
		r.t.Errorf("%d dead letters, want none; the first: %+v", len(letters), letters[0].Failure)
	}
}

// moveBack puts a letter into the source queue as SQS's own move does: body,
// attributes and group as they are, with a new id and sent time.
func (r *rig) moveBack(l letter) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: l.Body, Attributes: l.Attributes, TraceHeader: l.TraceHeader, GroupID: l.GroupID})
}

// withTraffic runs f while other things fare well.
func (r *rig) withTraffic(every time.Duration, f func()) {
	stop := r.traffic(every)
	defer stop()
	f()
}

// letterOf is the dead letter of a message, if there is one.
func (r *rig) letterOf(id string) (letter, bool) {
	for _, l := range r.letters() {
		if l.Failure.MessageID == id {
			return l, true
		}
	}
	return letter{}, false
}

// wantLetter waits for the dead letter of a message.
func (r *rig) wantLetter(id string, within time.Duration) letter {
	r.t.Helper()
	r.until("the letter of message "+id+" is stored", within, func() bool { _, ok := r.letterOf(id); return ok })
	l, _ := r.letterOf(id)
	return l
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}
