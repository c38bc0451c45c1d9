package e2e

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// faults decide what goes wrong with the requests of one kind. The first that
// decides for a fault counts.
type faults[Request any] struct {
	mu     sync.Mutex
	decide []func(Request) *localcloud.Fault
}

func (f *faults[Request]) add(decide func(Request) *localcloud.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decide = append(f.decide, decide)
}

func (f *faults[Request]) of(q Request) *localcloud.Fault {
	f.mu.Lock()
	all := f.decide[:len(f.decide):len(f.decide)]
	f.mu.Unlock()
	for _, decide := range all {
		if fault := decide(q); fault != nil {
			return fault
		}
	}
	return nil
}

// A decision is the fault of the nth request, nil for none. The text is the body of a
// call, or the name of the queue that SQS is asked about.
type decision func(n int, text string) *localcloud.Fault

// onCall decides over the calls for a thing, or for all things that begin so if it
// ends in *.
func (r *rig) onCall(things string, decide decision) {
	start, any := strings.CutSuffix(things, "*")
	var n atomic.Int64
	r.apiFaults.add(func(c localcloud.CallInfo) *localcloud.Fault {
		if c.Thing == things || any && strings.HasPrefix(c.Thing, start) {
			return decide(int(n.Add(1)), c.Body)
		}
		return nil
	})
}

// onSQS decides over the requests of one action.
func (r *rig) onSQS(action string, decide decision) {
	var n atomic.Int64
	r.sqsFaults.add(func(q localcloud.SQSInfo) *localcloud.Fault {
		if q.Action == action {
			return decide(int(n.Add(1)), q.Queue)
		}
		return nil
	})
}

// callsFail has the calls of onCall's things fail until heal is called.
func (r *rig) callsFail(things string, f *localcloud.Fault) (heal func()) {
	decide, heal := until(f)
	r.onCall(things, decide)
	return heal
}

// sqsFails has the requests of an action fail until heal is called.
func (r *rig) sqsFails(action string, f *localcloud.Fault) (heal func()) {
	decide, heal := until(f)
	r.onSQS(action, decide)
	return heal
}

func until(f *localcloud.Fault) (decide decision, heal func()) {
	var healed atomic.Bool
	return func(int, string) *localcloud.Fault {
		if healed.Load() {
			return nil
		}
		return f
	}, func() { healed.Store(true) }
}

// first is the fault of the first n requests.
func first(n int, f *localcloud.Fault) decision {
	return func(nth int, _ string) *localcloud.Fault {
		if nth <= n {
			return f
		}
		return nil
	}
}

// sequence gives each request the fault at its place, the rest none.
func sequence(faults ...*localcloud.Fault) decision {
	return func(n int, _ string) *localcloud.Fault {
		if n <= len(faults) {
			return faults[n-1]
		}
		return nil
	}
}

var (
	internalError = status(http.StatusInternalServerError, "InternalError")
	denied        = status(http.StatusForbidden, "AccessDenied")
	brokenBefore  = &localcloud.Fault{BreakBefore: true}
)

// status is an answer with a code.
func status(code int, name string) *localcloud.Fault {
	return &localcloud.Fault{Status: code, Code: name}
}

// html is an answer of a gateway.
func html(code int) *localcloud.Fault {
	return &localcloud.Fault{Status: code, ContentType: "text/html", Body: "<html><h1>" + http.StatusText(code) + "</h1></html>"}
}

// hangs is a request that is never answered.
func hangs() *localcloud.Fault { return &localcloud.Fault{Hold: make(chan struct{})} }

// hangsAndLands is a call that the worker gives up after WORKER_CALL_TIMEOUT and
// that is applied so long after its start.
func hangsAndLands(after time.Duration) *localcloud.Fault {
	return &localcloud.Fault{Delay: time.Minute, ApplyLate: after}
}
