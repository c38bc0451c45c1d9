package app

import "sync"

// The phases of a run, as /status and /readyz name them.
const (
	starting  = "starting"
	receiving = "receiving"
	paused    = "paused" // receiving, but for an operator's pause
	draining  = "draining"
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

func (p *phase) get() (name, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name == "" {
		return starting, starting
	}
	return p.name, p.reason
}

func (p *phase) ready() (bool, string) {
	name, reason := p.get()
	return name == receiving, reason
}
