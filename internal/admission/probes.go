package admission

import (
	"sync"
	"time"
)

// While the circuit is open nothing comes in, with two exceptions. Probes want different
// things, so if few messages are held, one batch is let in. And if everything that is
// held was probed in vain, it may be those things that are sick, and not the service: so
// now and then one batch more is let in.
const (
	probeHeld  = 3               // with fewer messages than this, a batch comes in
	batchAfter = 2 * time.Minute // of an open circuit
	batchEvery = time.Minute
)

// probes is when a batch more was let in.
type probes struct {
	mu   sync.Mutex
	last time.Time
}

// fewToProbeWith reports whether so few messages are held that one batch is to come in,
// and none is coming.
func fewToProbeWith(held, coming int) bool { return held < probeHeld && coming == 0 }

// takeProbeBatch lets one batch more in, if the circuit has been open for long enough,
// all that is held was probed since, and the last such batch is long enough ago.
func (g *Gate) takeProbeBatch(opened time.Time) bool {
	g.probes.mu.Lock()
	defer g.probes.mu.Unlock()
	now := time.Now()
	if now.Sub(opened) < batchAfter || now.Sub(g.probes.last) < batchEvery || !g.o.Waiting.AllProbedSince(opened) {
		return false
	}
	g.probes.last = now
	return true
}
