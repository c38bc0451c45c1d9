package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// name is a message body that renames a thing.
func name(thing, to string) string {
	return fmt.Sprintf(`{"Identifier":%q,"Name":%q}`, thing, to)
}

// put is a message body that sets one member to a raw value.
func put(thing, member, raw string) string {
	return fmt.Sprintf(`{"Identifier":%q,%q:%s}`, thing, member, raw)
}

func text(value string) localcloud.Attribute {
	return localcloud.Attribute{DataType: "String", StringValue: value}
}

func occurredAt(at time.Time) map[string]localcloud.Attribute {
	return map[string]localcloud.Attribute{"OccurredAt": {DataType: "String", StringValue: at.UTC().Format(time.RFC3339Nano)}}
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// send puts a message with this body in the queue and returns its id.
func (r *rig) send(body string) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body})
}

// sendAt is send with the event's time as an attribute.
func (r *rig) sendAt(at time.Time, body string) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body, Attributes: occurredAt(at)})
}

// sendNames sends n messages, each for a thing of its own: PREFIX-0, PREFIX-1, …
func (r *rig) sendNames(prefix string, n int) {
	for i := range n {
		r.send(name(fmt.Sprintf("%s-%d", prefix, i), "new"))
	}
}

// sendTenant is sendNames for "thing", of one tenant: of messages that have none, and
// that do not merge, fewer are held.
func (r *rig) sendTenant(n int) {
	for i := range n {
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprintf("thing-%d", i), "new"), GroupID: "tenant"})
	}
}

// settled sends a message and waits until the queue is empty again.
func (r *rig) settled(m localcloud.Message) string {
	r.t.Helper()
	id := r.cloud.SQS.Send(r.queue, m)
	r.drained(10 * time.Minute)
	return id
}

// moveBack puts a letter into the source queue as SQS's own move does: body,
// attributes and group as they are, with a new id and sent time.
func (r *rig) moveBack(l letter) string {
	return r.cloud.SQS.Send(r.queue, localcloud.Message{Body: l.Body, Attributes: l.Attributes, TraceHeader: l.TraceHeader, GroupID: l.GroupID})
}

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

// traffic keeps the API busy with other things that succeed, so that failures of
// one thing can be told from a trouble of the service; it ends with the returned
// function.
func (r *rig) traffic(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var sender sync.WaitGroup
	sender.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			r.send(name(fmt.Sprintf("traffic-%d", n%50), fmt.Sprintf("n%d", n)))
		}
	})
	stop = func() {
		cancel()
		sender.Wait()
	}
	r.t.Cleanup(stop)
	return stop
}

// withTraffic runs f while other things fare well.
func (r *rig) withTraffic(every time.Duration, f func()) {
	stop := r.traffic(every)
	defer stop()
	f()
}
