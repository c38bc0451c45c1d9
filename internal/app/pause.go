package app

import (
	"fmt"
	"time"

	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/status"
)

// Pause lets no receive and no call start until Resume; what is under way comes to
// its end, leases are kept, and what is decided is settled. It holds for this
// process only, and ends with it.
func (w *Worker) Pause() {
	if w.admission.Pause.Begin() {
		w.log.Warn("paused by an operator: no receive and no call starts until somebody resumes; leases are kept")
	}
}

// Resume ends a pause. It also closes a circuit that is open because everything was
// refused: you have seen that when you resume.
func (w *Worker) Resume() {
	if lasted, ok := w.admission.Pause.End(); ok {
		w.log.Info(fmt.Sprintf("resumed by an operator, after %s", lasted.Round(time.Second)))
	}
	if w.circuit.State().Why == pace.OpenAllRefuse {
		w.circuit.Resume()
	}
	if w.Status().State != status.Starting {
		w.consumer.Wake()
	}
}
