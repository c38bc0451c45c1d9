package app

import "managed-thing-updater/internal/pace"

// circuitChanged says that the circuit opened or closed, and lets the parts go on when it
// has closed.
func (w *Worker) circuitChanged(s pace.State) {
	w.reporter.CircuitChanged(s)
	if s.Open {
		return
	}
	if learned, ok := w.pace.(*pace.Learned); ok {
		learned.Restart(w.cfg.RateStart)
	}
	w.intake.Resume()
	w.consumer.Wake()
}
