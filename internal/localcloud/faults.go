package localcloud

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// longestHang ends a call that hangs though its client never gives up.
const longestHang = time.Minute

// A Fault is what goes wrong with one request. The zero value is none. Hold,
// then Delay come first; what is set of the rest happens after them.
type Fault struct {
	// Status is the answer's status; the request is not applied, unless
	// BreakAfter or ApplyLate say so.
	Status int
	// Code of the error: in X-Amzn-ErrorType and the body's __type. Without a
	// Code there is neither, as from a gateway.
	Code string
	// Body and ContentType replace the JSON that goes with Code.
	Body, ContentType string
	// RetryAfter is that header's value.
	RetryAfter string
	// Header of the answer, besides what the rest sets.
	Header http.Header
	// Delay is waited before anything else happens.
	Delay time.Duration
	// Hold is waited for before anything else happens. In a testing/synctest
	// bubble, make it there.
	Hold <-chan struct{}
	// BreakBefore breaks the connection without applying the request.
	BreakBefore bool
	// BreakAfter applies the request, then breaks the connection or, with a
	// Status, reports that instead.
	BreakAfter bool
	// ApplyLate breaks the connection (or reports Status) and applies the
	// request this long after it arrived.
	ApplyLate time.Duration
	// Entries makes entries of an SQS batch fail, by position ("0") or entry
	// id, with the code given; "senderFault:" before the code marks it as the
	// sender's. The other entries are applied.
	Entries map[string]string
	// ReceiveNothing makes a ReceiveMessage answer at once with no message.
	ReceiveNothing bool
}

// CallInfo is an UpdateManagedThing call, before anything is done with it.
type CallInfo struct {
	Thing, Body string
	N           int // 1 for the first call, over all things
}

// SQSInfo is an SQS request, before anything is done with it.
type SQSInfo struct {
	Action   string
	Queue    string   // its name; empty if the request names none
	N        int      // 1 for the first request of this action
	EntryIDs []string // a batch's entry ids, in order
}

// Rates are the probabilities of random faults, each from 0 to 1.
type Rates struct {
	API APIRates `json:"api"`
	SQS SQSRates `json:"sqs"`
}

// APIRates of UpdateManagedThing; together at most 1.
type APIRates struct {
	Unavailable float64 `json:"unavailable"` // 503 ServiceUnavailableException
	Throttle    float64 `json:"throttle"`    // 429 ThrottlingException, whatever the quota
	Timeout     float64 `json:"timeout"`     // no answer for a minute; half of them applied
	HTML429     float64 `json:"html429"`     // 429 of a gateway, with HTML
	Conflict    float64 `json:"conflict"`    // 409 ConflictException
	Broken      float64 `json:"broken"`      // connection broken; half of them applied
}

// SQSRates of SQS.
type SQSRates struct {
	Partial   float64 `json:"partial"`   // each entry of a batch: InternalError, not applied
	Duplicate float64 `json:"duplicate"` // each message received from a standard queue: delivered once more at once
	Error     float64 `json:"error"`     // each request: 500 InternalError, not applied
}

// Faults decides which requests go wrong. OnCall and OnSQS run first; set them
// before the first request (they may change their minds at any time). They are
// called by many requests at once, and with no lock held.
type Faults struct {
	OnCall func(CallInfo) *Fault
	OnSQS  func(SQSInfo) *Fault

	random *seededRand

	mu    sync.Mutex
	rates Rates
}

// SetRates changes the probabilities of random faults, from now on.
func (f *Faults) SetRates(r Rates) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = r
}

// Rates returns the probabilities in force.
func (f *Faults) Rates() Rates {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rates
}

// forCall returns what happens to the nth call for its thing; never nil.
func (f *Faults) forCall(info CallInfo, nthOfThing int) *Fault {
	if f.OnCall != nil {
		if fault := f.OnCall(info); fault != nil {
			return fault
		}
	}
	r := f.Rates().API
	if r == (APIRates{}) {
		return &Fault{}
	}
	share := f.random.share("call", info.Thing, nthOfThing)
	applied := f.random.share("applied", info.Thing, nthOfThing) < 0.5
	for _, c := range [...]struct {
		rate  float64
		fault Fault
	}{
		{r.Unavailable, Fault{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailableException"}},
		{r.Throttle, Fault{Status: http.StatusTooManyRequests, Code: "ThrottlingException"}},
		{r.Timeout, Fault{Delay: longestHang, BreakBefore: !applied, ApplyLate: time.Nanosecond}},
		{r.HTML429, Fault{Status: http.StatusTooManyRequests, Body: "<html><body><h1>429 Too Many Requests</h1></body></html>", ContentType: "text/html"}},
		{r.Conflict, Fault{Status: http.StatusConflict, Code: "ConflictException"}},
		{r.Broken, Fault{BreakBefore: !applied, BreakAfter: applied}},
	} {
		if share < c.rate {
			return &c.fault
		}
		share -= c.rate
	}
	return &Fault{}
}

// forSQS returns what happens to an SQS request; never nil.
func (f *Faults) forSQS(info SQSInfo) *Fault {
	if f.OnSQS != nil {
		if fault := f.OnSQS(info); fault != nil {
			return fault
		}
	}
	r := f.Rates().SQS
	if r.Error > 0 && f.random.share("sqs", info.Action, info.N) < r.Error {
		return &Fault{Status: http.StatusInternalServerError, Code: "InternalError"}
	}
	fault := &Fault{}
	if r.Partial > 0 {
		for i := range info.EntryIDs {
			if f.random.share("partial", info.Action, info.N*10+i) < r.Partial {
				if fault.Entries == nil {
					fault.Entries = map[string]string{}
				}
				fault.Entries[strconv.Itoa(i)] = "InternalError"
			}
		}
	}
	return fault
}

// duplicates reports whether the message just received is delivered once more.
// A message is duplicated only on its first receives: else a rate near 1 would
// never let it go.
func (f *Faults) duplicates(messageID string, receives int) bool {
	rate := f.Rates().SQS.Duplicate
	return rate > 0 && receives <= 3 && f.random.share("duplicate", messageID, receives) < rate
}

// wait waits as long as the fault says, and reports whether the client is
// still there.
func (f *Fault) wait(ctx context.Context) bool {
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-ctx.Done():
			return false
		}
	}
	return sleep(ctx, f.Delay)
}

// sleep reports whether the time passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// schedule runs apply as long after the request's arrival as ApplyLate says.
func (f *Fault) schedule(arrived time.Time, apply func()) {
	time.AfterFunc(max(0, f.ApplyLate-time.Since(arrived)), apply)
}

func (f *Fault) setHeader(h http.Header) {
	maps.Copy(h, f.Header)
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
}

// writeBody answers with the status and the body as they are.
func (f *Fault) writeBody(w http.ResponseWriter) {
	if f.ContentType != "" {
		w.Header().Set("Content-Type", f.ContentType)
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
}

// breakConnection ends the request without an answer.
func breakConnection() { panic(http.ErrAbortHandler) }
