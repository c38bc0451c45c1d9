package status

import "sync"

// The phases of a run, as /status and /readyz name them.
const (
	Starting  = "starting"
	Receiving = "receiving"
	Paused    = "paused" // receiving, but for an operator's pause
	Draining  = "draining"
)

// phase is where a run is. The zero value is starting.
type phase struct {
	mu     sync.Mutex
	name   string
	reason string // why it is not ready
}

func (p *phase) set(name, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name, p.reason = name, reason
}

// Phase says where the run is, and why it is not ready; an empty reason if it is.
func (r *Reporter) Phase(name, reason string) { r.phase.set(name, reason) }

func (p *phase) get() (name, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name == "" {
		return Starting, Starting
	}
	return p.name, p.reason
}

func (p *phase) ready() (bool, string) {
	name, reason := p.get()
	return name == Receiving, reason
}
