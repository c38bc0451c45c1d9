package doctor

import (
	"fmt"
	"strconv"
	"time"

	"managed-thing-updater/internal/config"
)

// GraceVariable tells the worker, in seconds, how long its platform waits between
// SIGTERM and SIGKILL: neither Kubernetes nor ECS lets a process see that.
const GraceVariable = "TERMINATION_GRACE_SECONDS"

const (
	defaultGrace = 30 * time.Second  // of Kubernetes and of ECS
	fargateGrace = 120 * time.Second // the most that ECS allows on Fargate
	graceMargin  = time.Second
)

// platform is where the worker runs, and how its grace is set there.
type platform struct{ name, setting string }

func (f *facts) platform() platform {
	switch {
	case f.getenv("ECS_CONTAINER_METADATA_URI_V4") != "":
		return platform{"ECS", "stopTimeout of the container definition"}
	case f.getenv("KUBERNETES_SERVICE_HOST") != "":
		return platform{"Kubernetes", "terminationGracePeriodSeconds of the pod"}
	}
	return platform{"the platform", "time between SIGTERM and SIGKILL"}
}

// stopTime compares how long the worker takes to stop with how long it is given.
func stopTime(f *facts) []Finding {
	const why = "A worker that is killed before it has drained leaves its messages hidden until their leases end, and calls of which nobody knows whether they were applied."
	takes, p := f.cfg.ShutdownTimeout, f.platform()
	raise := int((takes + 5*time.Second + time.Second - 1) / time.Second)
	onECS := p.name == "ECS"
	if onECS && f.getenv("AWS_EXECUTION_ENV") == "AWS_ECS_FARGATE" && takes+graceMargin > fargateGrace {
		return wrong(fmt.Sprintf("WORKER_SHUTDOWN_TIMEOUT is %s, and ECS on Fargate waits 120s at most before it kills.", config.FormatDuration(takes)), why,
			fmt.Sprintf("Set WORKER_SHUTDOWN_TIMEOUT=110s, stopTimeout to 120, and tell the worker so: %s=120 in its environment.", GraceVariable))
	}
	told := f.getenv(GraceVariable)
	if seconds, err := strconv.Atoi(told); told != "" && (err != nil || seconds < 0) {
		return warning(fmt.Sprintf("%s is %q: it must be a whole number of seconds.", GraceVariable, told), why, fmt.Sprintf("Give it the %s.", p.setting))
	} else if told != "" {
		if given := time.Duration(seconds) * time.Second; given < takes+graceMargin {
			return wrong(fmt.Sprintf("The platform kills %s after SIGTERM (%s), and the worker takes up to %s to stop (WORKER_SHUTDOWN_TIMEOUT).", config.FormatDuration(given), GraceVariable, config.FormatDuration(takes)), why,
				fmt.Sprintf("Set the %s to %d, and %s=%d in the worker's environment; or lower WORKER_SHUTDOWN_TIMEOUT.", p.setting, raise, GraceVariable, raise))
		}
		return nil
	}
	if p.name == "the platform" || takes+graceMargin <= defaultGrace {
		return nil
	}
	return warning(fmt.Sprintf("WORKER_SHUTDOWN_TIMEOUT is %s, and %s kills after 30s unless told otherwise; a process cannot see what it was told.", config.FormatDuration(takes), p.name), why,
		fmt.Sprintf("Set the %s to %d, and tell the worker so: %s=%d in its environment.", p.setting, raise, GraceVariable, raise))
}
