package status

import (
	"fmt"
	"math"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/telemetry"
)

const (
	// clockOff is by how much this machine's clock may differ from DynamoDB's before the
	// log says so, clockRight below what it is right again.
	clockOff   = 5 * time.Second
	clockRight = 2 * time.Second
)

// stateClock watches how far this machine's clock is from the state store's. The zero
// value knows nothing yet.
type stateClock struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
	off   bool // and the log has said so
}

// note keeps by how much the clock here is ahead of the store's, and logs once when it goes
// wrong and once when it is right again.
func (c *stateClock) note(ahead time.Duration, log *zap.Logger, state string) {
	c.mu.Lock()
	was := c.off
	c.known, c.ahead = true, ahead
	c.off = ahead.Abs() > clockOff || was && ahead.Abs() > clockRight
	is := c.off
	c.mu.Unlock()
	switch {
	case is && !was:
		way := "ahead of"
		if ahead < 0 {
			way = "behind"
		}
		log.Warn(fmt.Sprintf("this machine's clock is %v %s DynamoDB's. Leases of things go by DynamoDB's clock, so they hold. Set this one by NTP", ahead.Abs().Round(time.Second), way), telemetry.State(state))
	case was && !is:
		log.Info("this machine's clock agrees with DynamoDB's again", telemetry.State(state))
	}
}

// ClockAhead tells by how much this machine's clock is ahead of the state store's.
func (r *Reporter) ClockAhead(ahead time.Duration) {
	r.stateClock.note(ahead, r.of.Log, r.of.Config.StateName())
}

// seconds is by how much the clock here is ahead, NaN if that is not known.
func (c *stateClock) seconds() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return math.NaN()
	}
	return c.ahead.Seconds()
}
