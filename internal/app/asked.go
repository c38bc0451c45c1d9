package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/timeline"
)

// What may be asked of a worker at any time, from any goroutine.

// Status is a snapshot.
func (w *Worker) Status() status.Status { return w.reporter.Status() }

// Ready is what /readyz says.
func (w *Worker) Ready() (ok bool, reason string) { return w.reporter.Ready() }

// Health is what /healthz says, and the loops that make no progress.
func (w *Worker) Health() (ok bool, stale []string) { return w.health.Check() }

// Metrics are what /metrics shows.
func (w *Worker) Metrics() prometheus.Gatherer { return w.metrics.Registry }

// Message tells what happened to the message with this SQS MessageId; false if nothing is
// remembered of it.
func (w *Worker) Message(id string) (timeline.Rendered, bool) { return w.reporter.Find(id) }

// Messages lists what is remembered of messages, as status.Reporter.Latest does.
func (w *Worker) Messages(n int, failed bool) []timeline.Summary { return w.reporter.Latest(n, failed) }
