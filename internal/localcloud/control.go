package localcloud

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

const controlHelp = `The local cloud: SQS and UpdateManagedThing in memory.

GET  /_cloud/state                      queues, calls, requests, faults in force
GET  /_cloud/calls?since=N              API calls from the Nth on (0 is the first)
GET  /_cloud/messages?queue=NAME        what is still in a queue
GET  /_cloud/things/ID                  a thing's members, without a signature
POST /_cloud/quota  {"quota":10,"burst":10}      calls a second; 0 is no limit
POST /_cloud/faults {"api":{"unavailable":0.02,"throttle":0,"timeout":0,"html429":0,"conflict":0,"broken":0},
                     "sqs":{"partial":0.05,"duplicate":0.02,"error":0}}
                    probabilities from 0 to 1; what is left out is 0

Anything else is for SQS (X-Amz-Target: AmazonSQS.…) or the API
(PUT and GET /managed-things/{Identifier}), signed with Signature Version 4.
`

// serveControl takes what follows /_cloud/ in the path, still escaped.
func (c *Cloud) serveControl(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	escapedID, isThing := strings.CutPrefix(path, "things/")
	switch {
	case r.Method == http.MethodGet && path == "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(controlHelp))
	case r.Method == http.MethodGet && path == "state":
		writeControl(w, c.state())
	case r.Method == http.MethodGet && path == "calls":
		c.controlCalls(w, r.URL.Query().Get("since"))
	case r.Method == http.MethodGet && path == "messages":
		c.controlMessages(w, r.URL.Query().Get("queue"))
	case r.Method == http.MethodGet && isThing:
		id, _ := url.PathUnescape(escapedID)
		members, ok := c.Things.Get(id)
		if !ok {
			http.Error(w, "nothing was created or updated by the name of "+strconv.Quote(id), http.StatusNotFound)
			return
		}
		writeControl(w, members)
	case r.Method == http.MethodPost && path == "quota":
		var q struct {
			Quota float64 `json:"quota"`
			Burst float64 `json:"burst"`
		}
		if readControl(w, body, &q) {
			c.Things.SetQuota(q.Quota, q.Burst)
			writeControl(w, q)
		}
	case r.Method == http.MethodPost && path == "faults":
		var rates Rates
		if readControl(w, body, &rates) {
			c.Faults.SetRates(rates)
			writeControl(w, rates)
		}
	default:
		http.Error(w, "no such control; GET /_cloud/ has the list", http.StatusNotFound)
	}
}

// QueueState is a queue's sums.
type QueueState struct {
	URL      string `json:"url"`
	Visible  int    `json:"visible"`
	InFlight int    `json:"inFlight"`
	Delayed  int    `json:"delayed"`
}

func (c *Cloud) state() any {
	queues := map[string]QueueState{}
	s := c.SQS
	s.mu.Lock()
	for name, q := range s.queues {
		q.promote(time.Now())
		queues[name] = QueueState{q.url, len(q.items) - q.waiting.Len(), q.inFlights, q.waiting.Len() - q.inFlights}
	}
	requests := maps.Clone(s.requests)
	s.mu.Unlock()

	t := c.Things
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]any{
		"queues": queues, "sqsRequests": requests, "calls": t.arrived, "applied": t.applied, "answers": maps.Clone(t.counts),
		"things": len(t.things), "quota": t.bucket.rate, "burst": t.bucket.size, "faults": c.Faults.Rates(),
	}
}

func (c *Cloud) controlCalls(w http.ResponseWriter, since string) {
	n, err := strconv.Atoi(since)
	if since != "" && (err != nil || n < 0) {
		http.Error(w, "since: a number of calls, 0 or more", http.StatusBadRequest)
		return
	}
	calls := c.Things.Calls()
	writeControl(w, calls[min(n, len(calls)):])
}

func (c *Cloud) controlMessages(w http.ResponseWriter, queue string) {
	s := c.SQS
	s.mu.Lock()
	known := slices.Sorted(maps.Keys(s.queues))
	s.mu.Unlock()
	if !slices.Contains(known, queueName(queue)) {
		http.Error(w, "queue: one of "+strings.Join(known, ", "), http.StatusNotFound)
		return
	}
	writeControl(w, s.Messages(queue))
}

// readControl refuses what it does not know: a fault misspelt is a fault that
// never happens.
func readControl(w http.ResponseWriter, body []byte, v any) bool {
	if err := jsonv2.Unmarshal(body, v, jsonv2.RejectUnknownMembers(true)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func writeControl(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}
