package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// mishaps go wrong at random, at every request: in pairs of one that was not
// applied and one that was, and is reported failed.
type mishaps struct {
	callTimeout time.Duration

	mu       sync.Mutex
	rand     *rand.Rand
	api, sqs float64 // the share of requests that go wrong
	seen     map[string]int
}

func newMishaps(seed uint64, callTimeout time.Duration) *mishaps {
	return &mishaps{callTimeout: callTimeout, rand: rand.New(rand.NewPCG(seed, 0xfa17)), seen: map[string]int{}}
}

func (m *mishaps) set(api, sqs float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.api, m.sqs = api, sqs
}

// hang is longer than any client waits.
const hang = time.Minute

func (m *mishaps) within(d time.Duration) time.Duration {
	return 1 + time.Duration(m.rand.Int64N(int64(d)))
}

// onCall refuses what is marked, in words that quote the whole request, and lets
// others go wrong. A call that is applied late lands before the time in which the
// next but one of its thing can be over: the worker relies on no more than a call
// timeout between a call's end, as the worker sees it, and its effect.
func (m *mishaps) onCall(info localcloud.CallInfo) *localcloud.Fault {
	if strings.Contains(info.Body, refusedMark) {
		text, _ := json.Marshal(map[string]string{"Message": "1 validation error detected: Value " + info.Body + " at 'owner' failed to satisfy constraint"})
		return &localcloud.Fault{Status: http.StatusBadRequest, Code: "ValidationException", Body: string(text), ContentType: "application/json"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rand.Float64() >= m.api || info.Thing == absentThing {
		return &localcloud.Fault{Delay: m.within(50 * time.Millisecond)}
	}
	kinds := []struct {
		name  string
		fault localcloud.Fault
	}{
		{"503", localcloud.Fault{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailableException"}},
		{"500", localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalServerException"}},
		{"500 applied", localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalServerException", BreakAfter: true}},
		{"502 applied", localcloud.Fault{Status: http.StatusBadGateway, Body: "<html>", ContentType: "text/html", BreakAfter: true}},
		{"timeout", localcloud.Fault{Delay: hang, BreakBefore: true}},
		{"timeout applied", localcloud.Fault{Delay: hang, ApplyLate: m.within(m.callTimeout)}},
		{"timeout applied later", localcloud.Fault{Delay: hang, ApplyLate: m.callTimeout + m.within(m.callTimeout*8/10)}},
		{"broken", localcloud.Fault{BreakBefore: true}},
		{"broken applied", localcloud.Fault{BreakAfter: true}},
		{"broken applied later", localcloud.Fault{ApplyLate: m.within(m.callTimeout * 8 / 10)}},
		{"429", localcloud.Fault{Status: http.StatusTooManyRequests, Code: "ThrottlingException", RetryAfter: "1"}},
		{"429 html", localcloud.Fault{Status: http.StatusTooManyRequests, Body: "<html>", ContentType: "text/html"}},
		{"409", localcloud.Fault{Status: http.StatusConflict, Code: "ConflictException"}},
		{"slow", localcloud.Fault{Delay: m.within(m.callTimeout / 2)}},
	}
	k := kinds[m.rand.IntN(len(kinds))]
	m.seen["api "+k.name]++
	return &k.fault
}

func (m *mishaps) onSQS(info localcloud.SQSInfo) *localcloud.Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rand.Float64() >= m.sqs {
		return nil
	}
	kinds := []struct {
		name  string
		fault localcloud.Fault
	}{
		{"500", localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalError"}},
		{"503 throttled", localcloud.Fault{Status: http.StatusServiceUnavailable, Code: "RequestThrottled"}},
		{"broken", localcloud.Fault{BreakBefore: true}},
		{"timeout", localcloud.Fault{Delay: hang, BreakBefore: true}},
		{"500 applied", localcloud.Fault{Status: http.StatusInternalServerError, Code: "InternalError", BreakAfter: true}},
		{"broken applied", localcloud.Fault{BreakAfter: true}},
		{"timeout applied later", localcloud.Fault{Delay: hang, ApplyLate: m.within(20 * time.Second)}},
	}
	if info.Action == "ReceiveMessage" {
		kinds = append(kinds, struct {
			name  string
			fault localcloud.Fault
		}{"empty", localcloud.Fault{ReceiveNothing: true}})
	}
	if n := len(info.EntryIDs); n > 0 && m.rand.IntN(2) == 0 { // each entry has its own fate
		fault := localcloud.Fault{Entries: map[string]string{}}
		for i := range n {
			switch m.rand.IntN(6) {
			case 0, 1:
				fault.Entries[strconv.Itoa(i)] = "InternalError"
			case 2:
				fault.Entries[strconv.Itoa(i)] = "senderFault:ReceiptHandleIsInvalid"
			}
		}
		m.seen[info.Action+" entries"]++
		return &fault
	}
	k := kinds[m.rand.IntN(len(kinds))]
	m.seen[info.Action+" "+k.name]++
	return &k.fault
}
