package updater

import (
	"sync/atomic"
	"time"
)

// beats are the signs of life of a loop that several goroutines run.
type beats struct {
	began      time.Time
	goroutines int
	busy       atomic.Int64 // goroutines that are with a turn
	at         atomic.Int64 // nanoseconds since began, by the monotonic clock
}

func (b *beats) beat() { b.at.Store(int64(time.Since(b.began))) }

func (b *beats) last() time.Time {
	if b.busy.Load() >= int64(b.goroutines) {
		return time.Now()
	}
	return b.began.Add(time.Duration(b.at.Load()))
}
