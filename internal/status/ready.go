package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/updater"
)

// Ready is what /readyz says: false with the reason while nothing is received; true
// with what else there is to say, if anything is. Paused by an operator is ready: a
// roll-out must not wait for it.
func (r *Reporter) Ready() (ok bool, reason string) {
	if phase := r.phase.Load(); phase.name != Receiving {
		return false, phase.reason
	}
	if since, on := r.of.Admission.Pause.Since(); on {
		return true, pausedSince(since)
	}
	if s := r.of.Circuit.State(); s.Open {
		return false, fmt.Sprintf("circuit open since %s (%s): %s; next probe at %s",
			s.Since.UTC().Format(time.RFC3339), cmp.Or(s.Code, s.Why), whyIsOpen(s), s.NextProbe.UTC().Format(time.RFC3339))
	}
	p := r.parts.Load()
	if f, failing := p.Consumer.NotReceiving(); failing {
		return false, notReceiving(f)
	}
	return true, stuckSays(p.Consumer.Stats())
}

// stuckSays is what cannot be stored or deleted; empty if all can.
func stuckSays(s consumer.Stats) string {
	var troubles []string
	for _, trouble := range []struct {
		stuck      consumer.Stuck
		what, rest string
	}{
		{s.Unstored, "dead letters cannot be stored", "given back for later"},
		{s.Undeleted, "settled messages cannot be deleted", "left to the end of its lease and comes again"},
	} {
		if n := trouble.stuck.Messages; n > 0 {
			troubles = append(troubles, fmt.Sprintf("%s since %s (%s): %d of them are held, and what is over a tenth of the room is %s",
				trouble.what, trouble.stuck.Since.UTC().Format(time.RFC3339), trouble.stuck.Code, n, trouble.rest))
		}
	}
	if len(troubles) == 0 {
		return ""
	}
	return "ready; " + strings.Join(troubles, "; ")
}

// notReceiving says why nothing comes in, and since when.
func notReceiving(f consumer.Failing) string {
	return fmt.Sprintf("every %s of the source queue fails since %s (%s): %s", f.Action, f.Since.UTC().Format(time.RFC3339), f.Code, f.Detail)
}

func pausedSince(t time.Time) string {
	return "paused by an operator since " + t.UTC().Format(time.RFC3339) + "; POST /control/resume ends it"
}

// whyOpen says in words what each reason means, and the way out.
var whyOpen = map[string]string{
	pace.OpenFailing:   "calls for different things fail and none succeeds: the service is in trouble, or cannot be reached",
	pace.OpenCaller:    "the API does not accept the worker's credentials: check the role or the keys, and the clock",
	pace.OpenAllRefuse: "every thing is refused: check AWS_REGION, the account and the endpoint",
	pace.OpenState:     "the state store does not answer, and nothing is applied without it: check WORKER_STATE, the store and the way to it",
}

// whyIsOpen is whyOpen for this circuit.
func whyIsOpen(s pace.State) string {
	if s.Code == updater.CodeInBetween {
		return managedthings.InBetween
	}
	return whyOpen[s.Why]
}

// CircuitChanged says once that the circuit opened, and once that it closed.
func (r *Reporter) CircuitChanged(s pace.State) {
	if s.Open {
		r.circuitOpened.Inc(s.Why)
		r.of.Log.Warn("circuit open: nothing is received and nothing is dead-lettered; one call at a time finds out when that is over",
			telemetry.Reason(s.Why), telemetry.Code(s.Code), zap.String("detail", whyIsOpen(s)))
		return
	}
	r.of.Log.Info("circuit closed: nothing was lost", telemetry.Reason(s.Why), telemetry.Code(s.Code), zap.Duration("open_for", s.For))
}
