package status

// The phases of a run, as /status and /readyz name them.
const (
	Starting  = "starting"
	Receiving = "receiving"
	Paused    = "paused" // receiving, but for an operator's pause
	Draining  = "draining"
)

// phase is where a run is.
type phase struct {
	name   string
	reason string // why it is not ready
}

// Phase says where the run is, and why it is not ready; an empty reason if it is.
func (r *Reporter) Phase(name, reason string) { r.phase.Store(&phase{name, reason}) }
