package app

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
)

// whyOpen says in words what each reason means, and the way out.
var whyOpen = map[string]string{
	pace.OpenFailing:   "calls for different things fail and none succeeds: the service is in trouble, or cannot be reached",
	pace.OpenCaller:    "the API does not accept the worker's credentials: check the role or the keys, and the clock",
	pace.OpenAllRefuse: "every thing is refused: check AWS_REGION, the account and the endpoint",
}

// circuitChanged says once that the circuit opened, and once that it closed.
func (w *Worker) circuitChanged(s pace.State) {
	if s.Open {
		w.log.Warn("circuit open: nothing is received and nothing is dead-lettered; one call at a time finds out when that is over",
			telemetry.Reason(s.Why), telemetry.Code(s.Code), zap.String("detail", whyOpen[s.Why]))
		return
	}
	w.log.Info("circuit closed: nothing was lost", telemetry.Reason(s.Why), telemetry.Code(s.Code), zap.Duration("open_for", s.For))
	w.pace.Restart(w.cfg.RateStart)
	w.consumer.Wake()
}

// ready is what /readyz says.
func (w *Worker) ready() (bool, string) {
	if ok, reason := w.phase.ready(); !ok {
		return false, reason
	}
	if s := w.circuit.State(); s.Open {
		return false, fmt.Sprintf("circuit open since %s (%s): %s; next probe at %s",
			s.Since.UTC().Format(time.RFC3339), s.Code, whyOpen[s.Why], s.NextProbe.UTC().Format(time.RFC3339))
	}
	return true, ""
}
