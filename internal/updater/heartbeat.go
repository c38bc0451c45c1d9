package updater

import (
	"sync/atomic"
	"time"
)

// heartbeat is the sign of life of a loop that several goroutines run.
type heartbeat struct {
	began      time.Time
	goroutines int
	busy       atomic.Int64 // goroutines that are with a turn
	at         atomic.Int64 // nanoseconds since began, by the monotonic clock
}

func (h *heartbeat) tick() { h.at.Store(int64(time.Since(h.began))) }

func (h *heartbeat) last() time.Time {
	if h.busy.Load() >= int64(h.goroutines) {
		return time.Now()
	}
	return h.began.Add(time.Duration(h.at.Load()))
}
