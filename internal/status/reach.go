package status

import (
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// How far back the worker tells an old update from a new one, and knows a duplicate.

// knownSince is how far back something is remembered for so long after it was recorded:
// with state in memory no further than the start of the process, and than there was room.
func (r *Reporter) knownSince(ttl time.Duration) time.Time {
	since := time.Now().Add(-ttl)
	if r.of.Config.StateKind() == config.StateMemory && since.Before(r.of.Started) {
		since = r.of.Started
	}
	if s := r.remembered(); s.Forgotten > 0 && s.Since.After(since) {
		return s.Since
	}
	return since
}

// remembered is what state in memory holds; zero if the state is shared.
func (r *Reporter) remembered() thingstate.MemoryStats {
	if p := r.parts.Load(); p != nil && p.Memory != nil {
		return p.Memory.Stats()
	}
	return thingstate.MemoryStats{}
}

func (r *Reporter) addReach(s *StoreStatus) {
	s.Since, s.DuplicatesSince = r.knownSince(r.of.Config.VersionTTL), r.knownSince(r.of.Config.DedupTTL)
	p := r.parts.Load()
	if p == nil || p.Memory == nil {
		return
	}
	m := p.Memory.Stats()
	s.Memory = &MemoryStatus{Things: m.Things, Bytes: m.Bytes, MaxBytes: r.of.Config.StateBytes, Forgotten: m.Forgotten}
}

func (r *Reporter) reachGauges(m *telemetry.Metrics) {
	reach := func(ttl time.Duration) func() float64 {
		return func() float64 { return time.Since(r.knownSince(ttl)).Seconds() }
	}
	const help = "How far back the worker remembers: version, an update older than the newest applied is recognised; dedup_key, a duplicate is. With state in memory both begin at the start of the process, and shrink where WORKER_STATE_BYTES is full."
	m.Gauge("state_reach_seconds", help, reach(r.of.Config.VersionTTL), "of", "version")
	m.Gauge("state_reach_seconds", help, reach(r.of.Config.DedupTTL), "of", "dedup_key")
	m.Gauge("state_bytes", "Memory that state in memory takes; 0 with a shared store.", func() float64 { return float64(r.remembered().Bytes) })
	m.Counter("state_forgotten_total", "Things that state in memory forgot to make room, before their time.", func() float64 { return float64(r.remembered().Forgotten) })
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
func (r *Reporter) watchForgetting() {
	s, now := r.remembered(), time.Now()
	if s.Forgotten == r.forgets.things || now.Sub(r.forgets.said) < forgettingEvery {
		return
	}
	r.of.Log.Warn("state in memory is full: the things that were used longest ago are forgotten, and an update of theirs that comes late is not recognised as late; raise WORKER_STATE_BYTES and the container's memory with it, or set WORKER_STATE to a shared store",
		zap.Uint64("forgotten", s.Forgotten-r.forgets.things), zap.Int("things", s.Things),
		zap.Time("late_updates_known_since", s.Since), zap.Duration("reach", now.Sub(s.Since)))
	r.forgets = forgetting{said: now, things: s.Forgotten}
}
