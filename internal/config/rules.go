package config

import (
	"fmt"
	"slices"
	"time"

	"managed-thing-updater/internal/queueurl"
)

// shutdownRoom is what draining needs beyond the longest poll: calls under way,
// deletes and dead letters still to flush.
const shutdownRoom = 5 * time.Second

// How long versions are remembered where nothing else is set: a shared store
// outlives the 14 days that SQS keeps a message, twice over (in the queue and
// then in the dead-letter queue); memory is bounded by the process.
const (
	versionTTLShared = 35 * day
	versionTTLMemory = 24 * time.Hour
)

// deriveDefaults fills what depends on other settings.
func (c *Config) deriveDefaults() {
	if _, given := c.sources["WORKER_VERSION_TTL"]; !given {
		c.VersionTTL = versionTTLShared
		if c.State == StateMemory {
			c.VersionTTL = versionTTLMemory
		}
	}
	if c.sources["WORKER_RATE_START"] == FromDefault && c.RateMax > 0 {
		c.RateStart = min(c.RateStart, c.RateMax)
	}
}

// contradictions checks the rules between settings. A rule is skipped where one
// of its settings is wrong already.
func (c *Config) contradictions(known []Fault) []Fault {
	var faults []Fault
	check := func(holds bool, name, text, rule string, others ...string) {
		wrong := func(f Fault) bool { return f.Name == name || slices.Contains(others, f.Name) }
		if holds || slices.ContainsFunc(known, wrong) {
			return
		}
		faults = append(faults, Fault{Name: name, Source: c.sources[name], Value: text, Rule: rule})
	}
	check(c.ShutdownTimeout >= c.WaitTime+shutdownRoom,
		"WORKER_SHUTDOWN_TIMEOUT", FormatDuration(c.ShutdownTimeout),
		fmt.Sprintf("it must be at least WORKER_WAIT_TIME + %s, which is %s: an open poll is let come back before the worker stops; raise this one or lower WORKER_WAIT_TIME",
			FormatDuration(shutdownRoom), FormatDuration(c.WaitTime+shutdownRoom)),
		"WORKER_WAIT_TIME")
	check(c.RetryMax >= c.RetryBase,
		"WORKER_RETRY_MAX", FormatDuration(c.RetryMax),
		"it must be at least WORKER_RETRY_BASE, which is "+FormatDuration(c.RetryBase),
		"WORKER_RETRY_BASE")
	check(c.RateMax == 0 || c.RateMax >= c.RateStart,
		"WORKER_RATE_START", formatRate(c.RateStart),
		"it must be at most WORKER_RATE_MAX, which is "+formatRate(c.RateMax),
		"WORKER_RATE_MAX")
	check(c.DLQURL == "" || c.DLQURL != c.QueueURL,
		"WORKER_DLQ_URL", mask(c.DLQURL),
		"it must be another queue than WORKER_QUEUE_URL",
		"WORKER_QUEUE_URL")
	check(c.DLQURL == "" || queueurl.FIFO(c.DLQURL) == queueurl.FIFO(c.QueueURL),
		"WORKER_DLQ_URL", mask(c.DLQURL),
		"the dead-letter queue of a FIFO queue must be a FIFO queue, and that of a standard queue a standard queue (an Amazon SQS rule; FIFO names end in .fifo)",
		"WORKER_QUEUE_URL")
	return faults
}
