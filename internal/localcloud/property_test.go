package localcloud_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/localcloud"
)

// Whatever is done to a queue, in whatever order: what was sent and not
// deleted is stored, in the queue or its dead-letter queue, exactly once; what
// is received was sent; and a FIFO group is received in its order.
func TestMessagesAreNeitherLostNorInvented(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			// rapid asks a *testing.T for its deadline, which has no place in a
			// bubble; the embedding hides that method.
			rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { runQueue(t, rt, fifo) })
		})
	}
}

func runQueue(t *testing.T, rt *rapid.T, fifo bool) {
	c := localcloud.New(localcloud.Options{Seed: rapid.Uint64().Draw(rt, "seed")})
	if rapid.Bool().Draw(rt, "partial") {
		c.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Duplicate: .2}})
	}
	dlq := newQueue(t, c, "dlq", localcloud.QueueOptions{FIFO: fifo})
	q := newQueue(t, c, "q", localcloud.QueueOptions{FIFO: fifo, DLQ: dlq.url, MaxReceiveCount: rapid.IntRange(1, 6).Draw(rt, "maxReceives"), Visibility: 10 * time.Second})

	alive := map[string]bool{}
	newest := map[string]string{} // handle by message
	older := map[string]string{}
	n := 0
	check := func() {
		seen := map[string]bool{}
		for _, url := range []string{q.url, dlq.url} {
			for _, m := range c.SQS.Messages(url) {
				if seen[m.ID] || !alive[m.ID] {
					rt.Fatalf("message %s: twice %v, alive %v", m.Body, seen[m.ID], alive[m.ID])
				}
				seen[m.ID] = true
			}
		}
		if len(seen) != len(alive) {
			rt.Fatalf("%d messages stored, %d alive", len(seen), len(alive))
		}
	}
	pick := func(of map[string]string) string {
		ids := []string{}
		for id := range of {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if len(ids) == 0 {
			rt.Skip("nothing received yet")
		}
		return rapid.SampledFrom(ids).Draw(rt, "id")
	}
	rt.Repeat(map[string]func(*rapid.T){
		"": func(*rapid.T) { check() },
		"send": func(rt *rapid.T) {
			for range rapid.IntRange(1, 5).Draw(rt, "n") {
				n++
				group := ""
				if fifo {
					group = rapid.SampledFrom([]string{"A", "B", "C"}).Draw(rt, "group")
				}
				m := localcloud.Message{Body: fmt.Sprintf("%s%06d", group, n), GroupID: group}
				if !fifo {
					m.Delay = time.Duration(rapid.IntRange(0, 1).Draw(rt, "delay")) * 3 * time.Second
				}
				alive[c.SQS.Send(q.url, m)] = true
			}
		},
		"receive": func(rt *rapid.T) {
			last := map[byte]string{}
			for _, m := range q.receive(rapid.IntRange(0, 3).Draw(rt, "wait")).Messages {
				if !alive[*m.MessageId] {
					rt.Fatalf("received %s, which is gone", *m.Body)
				}
				if fifo {
					if *m.Body < last[(*m.Body)[0]] {
						rt.Fatalf("received %s after %s", *m.Body, last[(*m.Body)[0]])
					}
					last[(*m.Body)[0]] = *m.Body
				}
				if h := newest[*m.MessageId]; h != "" {
					older[*m.MessageId] = h
				}
				newest[*m.MessageId] = *m.ReceiptHandle
			}
		},
		"delete": func(rt *rapid.T) {
			id := pick(newest)
			before := c.SQS.Len(q.url)
			if err := q.delete(new(newest[id])); err != nil && !fifo {
				rt.Fatal(err)
			}
			if c.SQS.Len(q.url) < before {
				delete(alive, id)
				delete(newest, id)
				delete(older, id)
			}
		},
		"delete by an old handle": func(rt *rapid.T) {
			if err := q.delete(new(older[pick(older)])); err != nil && !fifo {
				rt.Fatal(err)
			}
		},
		"change visibility": func(rt *rapid.T) {
			_ = q.setVisibility(new(newest[pick(newest)]), int32(rapid.IntRange(0, 20).Draw(rt, "seconds")))
		},
		"redeliver": func(rt *rapid.T) {
			id := pick(newest)
			if slices.ContainsFunc(c.SQS.Messages(q.url), func(m localcloud.Stored) bool { return m.ID == id }) {
				c.SQS.Redeliver(q.url, id)
			}
		},
		"pass time": func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 12).Draw(rt, "seconds")) * time.Second) },
	})
	// All that is left can be received, once it is visible again.
	time.Sleep(time.Minute)
	for range 500 {
		for _, from := range []queue{q, dlq} {
			for _, m := range from.receive(0).Messages {
				if from.delete(m.ReceiptHandle) == nil && !slices.ContainsFunc(c.SQS.Messages(from.url), func(s localcloud.Stored) bool { return s.ID == *m.MessageId }) {
					delete(alive, *m.MessageId)
				}
			}
		}
		if len(alive) == 0 {
			break
		}
	}
	check()
	if len(alive) > 0 {
		rt.Fatalf("%d messages cannot be received", len(alive))
	}
}
