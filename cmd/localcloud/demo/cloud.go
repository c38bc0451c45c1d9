package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/queueurl"
)

// ownThing is a thing that the fleet leaves alone: for the person who watches.
const ownThing = "my-lamp"

// cloud is the local cloud on an address, with its queues and things, and what was
// sent to it.
type cloud struct {
	*harness.Cloud
	queue string // URL
	dlq   string // URL
	fleet *fleet.Fleet
	sent  *expectations
}

func startCloud(s settings) (*cloud, error) {
	served, err := harness.Listen(s.addr, localcloud.Options{Seed: s.seed, Quota: s.quota, Latency: s.latency})
	if err != nil {
		return nil, fmt.Errorf("--addr: %w", err)
	}
	c := &cloud{
		Cloud: served, fleet: fleet.New(s.seed, fleet.Options{Things: s.things, FIFO: s.fifo}),
		sent: newExpectations(s.fifo),
	}
	c.Things.AutoCreate, c.Things.Record = false, false
	for _, id := range append(c.fleet.Things(), ownThing) {
		c.Things.Create(id)
	}
	c.Faults.SetRates(localcloud.Rates{API: localcloud.APIRates{Unavailable: s.unavailable}})
	c.Faults.OnCall = refuse
	c.dlq = c.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{FIFO: s.fifo, Retention: letterRetention})
	c.queue = c.SQS.CreateQueue("updates", localcloud.QueueOptions{FIFO: s.fifo, DLQ: c.dlq, MaxReceiveCount: 1000})
	c.Serve(c.handler())
	return c, nil
}

// letterRetention is SQS's longest: letters are to outlast messages.
const letterRetention = 14 * 24 * time.Hour

// depth is how many messages the queue has, those in flight and delayed ones
// included.
func (c *cloud) depth() int { return c.SQS.Len(c.queue) }

// refuse is the rule of the API that no schema tells.
func refuse(call localcloud.CallInfo) *localcloud.Fault {
	if strings.Contains(call.Body, fleet.RefusedName) {
		return &localcloud.Fault{Status: http.StatusBadRequest, Code: "ValidationException"}
	}
	return nil
}

// handler is the local cloud, with a way to send a message without a signature,
// and an eye on the messages that others than the feeder send.
func (c *cloud) handler() http.Handler {
	next := c.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/_cloud/send":
			c.serveSend(w, r)
		case r.Method == http.MethodGet && r.URL.Path == "/_cloud/":
			next.ServeHTTP(w, r)
			_, _ = fmt.Fprintf(w, "\nPOST /_cloud/send                        a message for %s, the body as it is, without a signature\n", queueurl.Name(c.queue))
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.SendMessage"):
			c.watchSend(w, r, next)
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.DeleteMessage"):
			c.watchDelete(w, r, next)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

const maxSend = 16 << 20 // bytes of a request, as the local cloud itself has it

// serveSend puts the request's body into the queue.
func (c *cloud) serveSend(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSend))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if name := cmp.Or(r.URL.Query().Get("queue"), queueurl.Name(c.queue)); name != queueurl.Name(c.queue) {
		http.Error(w, fmt.Sprintf("queue: messages can be sent to %q only, got %q", queueurl.Name(c.queue), name), http.StatusNotFound)
		return
	}
	id, err := c.send(localcloud.Message{Body: string(body), GroupID: "by-hand"})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.sent.byHand(id, string(body))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": id})
}

// send turns the local cloud's panic, its answer to a message that SQS refuses,
// into an error.
func (c *cloud) send(m localcloud.Message) (id string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("SQS does not take this message: %v", p)
		}
	}()
	return c.SQS.Send(c.queue, m), nil
}
