package doctor

import (
	"fmt"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/grace"
)

// Bounds of a sensible first lease: shorter ones are lost when SQS answers a
// renewal late, longer ones hide messages too long after a crash.
const (
	leastVisibility = 30 * time.Second
	mostVisibility  = 15 * time.Minute
)

// visibility looks at the worker's own: it asks for that in each receive, so the
// queue's does not count.
func visibility(f *facts) []Finding {
	least := max(leastVisibility, f.cfg.CallTimeout+f.cfg.RetryMax)
	switch v := f.cfg.VisibilityTimeout; {
	case v < least:
		return warning(fmt.Sprintf("WORKER_VISIBILITY_TIMEOUT is %s: less than a call and the longest backoff may take together (%s and %s), or than 30s.",
			config.FormatDuration(v), config.FormatDuration(f.cfg.CallTimeout), config.FormatDuration(f.cfg.RetryMax)),
			"A lease is renewed while its message waits, but when SQS answers late a short one runs out: the message is received again, and its update is made twice.",
			"Set WORKER_VISIBILITY_TIMEOUT="+config.FormatDuration(max(2*time.Minute, least)))
	case v > mostVisibility:
		return warning(fmt.Sprintf("WORKER_VISIBILITY_TIMEOUT is %s.", config.FormatDuration(v)),
			"That long the messages that a crashed worker held stay hidden.", "Set WORKER_VISIBILITY_TIMEOUT=2m: it is renewed for as long as a message is held.")
	}
	return nil
}

func holdTime(f *facts) []Finding {
	if f.cfg.RateMax == 0 {
		return nil // the rate is found out
	}
	seconds := float64(f.cfg.MaxHeld) / f.cfg.RateMax
	if seconds <= consumer.DefaultMaxHold.Seconds() {
		return nil
	}
	return warning(fmt.Sprintf("At WORKER_RATE_MAX (%g calls a second) the last of WORKER_MAX_HELD (%d) messages waits %.0f hours for its call.", f.cfg.RateMax, f.cfg.MaxHeld, seconds/3600),
		"SQS lets a message be held for 12 hours. What waits longer is given back, and each time counts as one more receive, up to WORKER_MAX_RECEIVES.",
		fmt.Sprintf("Set WORKER_MAX_HELD=%d or less, or raise WORKER_RATE_MAX.", max(10, int(f.cfg.RateMax*3600))))
}

func waitTime(f *facts) []Finding {
	if f.cfg.WaitTime >= time.Second {
		return nil
	}
	return warning("WORKER_WAIT_TIME is 0: receives are short polls.",
		"An empty queue is asked without a pause, every request is paid for, and a short poll may miss messages that are there.", "Set WORKER_WAIT_TIME=20s.")
}

func headerTimeout(f *facts) []Finding {
	if f.headerTimeout > 0 && f.headerTimeout <= f.cfg.WaitTime {
		return wrong(fmt.Sprintf("The HTTP client gives up on an answer after %s, and WORKER_WAIT_TIME is %s.", config.FormatDuration(f.headerTimeout), config.FormatDuration(f.cfg.WaitTime)),
			"A long poll of an empty queue is cut each time, and the messages that a poll may bring just then stay hidden until their visibility timeout ends.",
			fmt.Sprintf("Set WORKER_WAIT_TIME=%s or less.", config.FormatDuration((f.headerTimeout/2).Truncate(time.Second))))
	}
	for _, name := range proxies {
		if f.getenv(name) != "" {
			return note(name+" is set: requests go through a proxy, whose idle timeout cannot be told from here.",
				"A proxy that gives up sooner than a long poll takes cuts it, and may strand messages until their visibility timeout ends.",
				fmt.Sprintf("See that it waits longer than WORKER_WAIT_TIME (%s) and WORKER_CALL_TIMEOUT (%s), or name the hosts in NO_PROXY.", config.FormatDuration(f.cfg.WaitTime), config.FormatDuration(f.cfg.CallTimeout)))
		}
	}
	return nil
}

func shutdown(f *facts) []Finding {
	if f.cfg.CallTimeout <= f.cfg.ShutdownTimeout-grace.CutBefore {
		return nil
	}
	return warning(fmt.Sprintf("A call may take %s (WORKER_CALL_TIMEOUT), and the worker stops within %s (WORKER_SHUTDOWN_TIMEOUT).", config.FormatDuration(f.cfg.CallTimeout), config.FormatDuration(f.cfg.ShutdownTimeout)),
		"A call that is slow when the worker stops is cut: whether it was applied is then not known, and its messages come again.",
		"Set WORKER_SHUTDOWN_TIMEOUT="+config.FormatDuration(f.cfg.CallTimeout+15*time.Second)+", and give the platform more than that before it kills; or lower WORKER_CALL_TIMEOUT.")
}

// memorySince explains what state in memory means for old updates.
const memorySince = "What was applied is remembered in memory: only since this process started, and by this process alone."

func stateVersions(f *facts) []Finding {
	if f.cfg.State == config.StateMemory || !f.source.seen() {
		return nil
	}
	source, dead := f.source.seconds(retention), f.dead.seconds(retention)
	if f.cfg.VersionTTL >= source+dead {
		return nil
	}
	return warning(fmt.Sprintf("Versions are remembered for %s (WORKER_VERSION_TTL), and a message may be %s old: %s in the source queue, and %s in the dead-letter queue.",
		config.FormatDuration(f.cfg.VersionTTL), config.FormatDuration(source+dead), config.FormatDuration(source), config.FormatDuration(dead)),
		"An update that is older than what is remembered, such as a letter that is moved back late, overwrites newer values.",
		"Set WORKER_VERSION_TTL="+config.FormatDuration(source+dead+7*24*time.Hour))
}

func stateKeys(f *facts) []Finding {
	// A message comes again after its lease: at first the visibility timeout, later
	// what it was renewed for.
	least := max(f.cfg.VisibilityTimeout, mostVisibility) + time.Minute
	if f.cfg.DedupTTL >= least {
		return nil
	}
	return warning(fmt.Sprintf("Dedup keys are remembered for %s (WORKER_DEDUP_TTL), and a message can come again after %s.", config.FormatDuration(f.cfg.DedupTTL), config.FormatDuration(least-time.Minute)),
		"One whose delete was lost is then not known as done, and is applied once more.", "Set WORKER_DEDUP_TTL=24h.")
}

func state(f *facts) []Finding {
	var findings []Finding
	if f.cfg.State == config.StateMemory {
		return note(memorySince,
			"Two replicas at once, if only during a rolling deployment, do not know of each other's calls: the older of two values may win. After a restart, so may a late one.",
			"Run one replica, and let it stop before the next one starts (Kubernetes: strategy Recreate; ECS: minimumHealthyPercent 0, maximumPercent 100); or set WORKER_STATE to a store that replicas share, dynamodb://TABLE or redis://HOST.")
	}
	if f.state.Fault != "" {
		findings = wrong(sentence(f.state.Fault), "Without its state store the worker applies nothing.", f.state.Fix)
	}
	for _, text := range f.state.Warnings {
		findings = append(findings, warning(sentence(text), "The state store is what keeps old values from overwriting newer ones.", "As it says; docs/state.md has more.")...)
	}
	return findings
}

func memberSemantics(f *facts) []Finding {
	if f.cfg.MemberSemantics != config.SemanticsUnknown {
		return nil
	}
	return note("WORKER_MEMBER_SEMANTICS is unknown: updates of one thing that set different keys of MetaData are sent as separate calls.",
		"That is safe, and costs calls of the quota where many updates do so.",
		"worker doctor --probe THING finds out, on a thing made for it, what the API does.")
}
