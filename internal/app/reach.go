package app

import (
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/thingstate"
)

// How far back the worker tells an old update from a new one, and knows a duplicate.

// since is how far back something is remembered for so long after it was recorded, as far
// as the settings say: with state in memory no further than the start of the process.
func (w *Worker) since(ttl time.Duration) time.Time {
	since := time.Now().Add(-ttl)
	if w.cfg.StateKind() == config.StateMemory && since.Before(w.started) {
		return w.started
	}
	return since
}

// knownSince is since, as far as there was room for what is remembered. Only after build.
func (w *Worker) knownSince(ttl time.Duration) time.Time {
	since := w.since(ttl)
	if s := w.remembered(); s.Forgotten > 0 && s.Since.After(since) {
		return s.Since
	}
	return since
}

// remembered is what state in memory holds; zero where the state is shared.
func (w *Worker) remembered() thingstate.MemoryStats {
	if w.memory == nil {
		return thingstate.MemoryStats{}
	}
	return w.memory.Stats()
}

func (w *Worker) addReach(s *StoreStatus) {
	s.Since, s.DuplicatesSince = w.knownSince(w.cfg.VersionTTL), w.knownSince(w.cfg.DedupTTL)
	if w.memory == nil {
		return
	}
	m := w.memory.Stats()
	s.Memory = &MemoryStatus{Things: m.Things, Bytes: m.Bytes, MaxBytes: w.cfg.StateBytes, Forgotten: m.Forgotten}
}

func (w *Worker) reachGauges() {
	reach := func(ttl time.Duration) func() float64 {
		return func() float64 { return time.Since(w.knownSince(ttl)).Seconds() }
	}
	const help = "How far back the worker remembers: version, an update older than the newest applied is recognised; dedup_key, a duplicate is. With state in memory both begin at the start of the process, and shrink where WORKER_STATE_BYTES is full."
	w.metrics.Gauge("state_reach_seconds", help, reach(w.cfg.VersionTTL), "of", "version")
	w.metrics.Gauge("state_reach_seconds", help, reach(w.cfg.DedupTTL), "of", "dedup_key")
	w.metrics.Gauge("state_bytes", "Memory that state in memory takes; 0 with a shared store.", func() float64 { return float64(w.remembered().Bytes) })
	w.metrics.Counter("state_forgotten_total", "Things that state in memory forgot to make room, before their time.", func() float64 { return float64(w.remembered().Forgotten) })
}

// forgettingEvery is how often it is worth a line that things are forgotten.
const forgettingEvery = time.Hour

// forgetting is what the log says of it. The zero value is ready for use.
type forgetting struct {
	said   time.Time
	things uint64 // by then
}

// watchForgetting writes a line when things begin to be forgotten before their time, and
// one an hour while that goes on. One goroutine calls it.
func (w *Worker) watchForgetting() {
	s, now := w.remembered(), time.Now()
	if s.Forgotten == w.forgets.things || now.Sub(w.forgets.said) < forgettingEvery {
		return
	}
	w.log.Warn("state in memory is full: the things that were used longest ago are forgotten, and an update of theirs that comes late is not recognised as late; raise WORKER_STATE_BYTES and the container's memory with it, or set WORKER_STATE to a shared store",
		zap.Uint64("forgotten", s.Forgotten-w.forgets.things), zap.Int("things", s.Things),
		zap.Time("late_updates_known_since", s.Since), zap.Duration("reach", now.Sub(s.Since)))
	w.forgets = forgetting{said: now, things: s.Forgotten}
}
