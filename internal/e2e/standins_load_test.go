package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
)

const (
	loadMessages = 5000
	loadThings   = 500
)

var loadCases = []standInCase{{
	name: "a load is drained and its sums add up", run: (*outside).load,
	layout: outsideLayout{
		latency:  5 * time.Millisecond,
		settings: func(c *config.Config) { c.RateStart, c.RetryMax = 400, time.Second },
	},
	cannot: map[string]string{"moto": "its cost grows with the backlog: 100 messages at most"},
}}

// load sends while the worker works, from several senders, so that updates of a
// thing arrive out of order, and through a door narrow enough to merge some.
func (o *outside) load(t *testing.T) {
	start := time.Now().Add(-time.Hour)
	messages := make([]outgoing, loadMessages)
	for n := range messages {
		messages[n] = outgoing{
			body:       name(fmt.Sprintf("thing-%d", n%loadThings), fmt.Sprintf("n%d", n)),
			attributes: stampedAt(start.Add(time.Duration(n) * time.Millisecond)),
		}
	}
	began := time.Now()
	w := o.start()
	var senders sync.WaitGroup
	for part := range slices.Chunk(messages, loadMessages/4) {
		senders.Go(func() { o.sendAll(part...) })
	}
	senders.Wait()
	o.drained()
	took := time.Since(began)
	w.stopped()

	for n := loadMessages - loadThings; n < loadMessages; n++ {
		o.wantMember(fmt.Sprintf("thing-%d", n%loadThings), "Name", fmt.Sprintf(`"n%d"`, n))
	}
	s := w.Status()
	settled := s.Messages.Outcomes["applied"] + s.Messages.Outcomes["superseded"] + s.Messages.Outcomes["duplicate"]
	if settled != loadMessages || s.Messages.Received != loadMessages {
		t.Errorf("%d messages settled and %d received of %d sent: %+v", settled, s.Messages.Received, loadMessages, s.Messages)
	}
	requests := 0
	for _, n := range s.SQS.Requests {
		requests += n
	}
	t.Logf("%d messages in %v: outcomes %v, merged %d, %d calls (%v), %d SQS requests (%v)", loadMessages, took.Round(time.Millisecond),
		s.Messages.Outcomes, s.Messages.Merged, len(o.calls("")), s.Calls.ByResult, requests, s.SQS.Requests)
}
