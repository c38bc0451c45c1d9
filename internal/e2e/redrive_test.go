package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// redriveKilled kills a redrive of 2,000 letters in the middle of a request, any of
// them or one that sends or deletes, while a worker takes what is moved, or none
// does. Every letter is then in the source queue, in the dead-letter queue, or
// applied.
func redriveKilled(t *testing.T, program string, seed uint64) {
	const letters = 2000
	random := rand.New(rand.NewPCG(seed, 0xd1e))
	fifo, worker := seed%4 == 3, seed%4 == 0
	s := newServer(t, program, layout{fifo: fifo, cloud: localcloud.Options{Seed: seed}})
	for i := range letters {
		s.cloud.SQS.Send(s.dlq, letterFor(i))
	}
	killAt, before, whatever := 1+random.IntN(600), random.IntN(2) == 0, random.IntN(3) == 0
	var mu sync.Mutex
	var prey *process
	requests := 0
	caught := make(chan struct{})
	s.sqsFaults.add(func(info localcloud.SQSInfo) *localcloud.Fault {
		mu.Lock()
		defer mu.Unlock()
		if prey == nil {
			return nil
		}
		requests++
		moves := info.Action == "SendMessageBatch" || info.Action == "DeleteMessageBatch"
		if requests < killAt || !moves && !whatever {
			return nil
		}
		_ = prey.cmd.Process.Kill()
		prey = nil
		close(caught)
		t.Logf("killed in request %d, %s, carried out: %v", requests, info.Action, !before)
		return &localcloud.Fault{BreakBefore: before, BreakAfter: !before}
	})
	var w *process
	if worker {
		w = s.start("WORKER_MAX_HELD=200")
	}
	mu.Lock() // no request of it is missed
	prey = s.command([]string{"dlq", "redrive", "--rate", "0", "--stop-after", "0"})
	p := prey
	mu.Unlock()
	select {
	case <-caught:
	case <-time.After(time.Minute):
		t.Fatalf("it was not killed:\n%s", p.stderr.String())
	}
	if code := s.exit(p, 10*time.Second); code != -1 {
		t.Errorf("exit code %d of a process that was killed:\n%s", code, p.stderr.String())
	}
	s.eventually("all requests of the killed process have ended", 20*time.Second, func() bool { return w != nil || s.busy.Load() == 0 })
	s.noneLost(letters)
	if w != nil {
		s.eventually("the worker has taken all that was moved", time.Minute, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
		s.ends(w)
		s.noneLost(letters)
	}
}

// letterFor is the dead letter of a message for a thing of its own.
func letterFor(i int) localcloud.Message {
	at := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
	failure, _ := json.Marshal(message.Failure{
		Reason: message.NotFound, Code: "ResourceNotFoundException", MessageID: fmt.Sprint("source-", i), SentAt: at, OccurredAt: at,
		FailedAt: at, DedupKey: fmt.Sprint("sqs:source-", i), Worker: "worker-1", Attempts: 1, Receives: 1,
	})
	thing := fmt.Sprint("thing-", i)
	return localcloud.Message{
		Body: name(thing, thing), GroupID: thing,
		Attributes: map[string]localcloud.Attribute{"Failure": text(string(failure)), "OccurredAt": text(at)},
	}
}

// noneLost checks that each letter is in one of the queues, or applied. It looks at
// the dead-letter queue first and at what is applied last: letters go that way.
func (s *server) noneLost(letters int) {
	s.t.Helper()
	left := s.cloud.SQS.Messages(s.dlq)
	moved := s.cloud.SQS.Messages(s.queue)
	there := map[string]int{}
	for _, m := range append(left, moved...) {
		there[m.Body]++
	}
	applied, twice := 0, 0
	for i := range letters {
		thing := fmt.Sprint("thing-", i)
		members, _ := s.cloud.Things.Get(thing)
		done := string(members["Name"]) == fmt.Sprintf("%q", thing)
		if done {
			applied++
		}
		n := there[name(thing, thing)]
		if n == 0 && !done {
			s.t.Errorf("the letter for %s is lost", thing)
		}
		if n > 1 {
			twice++
		}
	}
	s.t.Logf("%d in the dead-letter queue, %d in the source queue, %d in both, %d applied", len(left), len(moved), twice, applied)
}
