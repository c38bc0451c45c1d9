package consumer

import (
	"cmp"
	"slices"
	"time"

	"managed-thing-updater/internal/awserror"
)

// Failing is an SQS action whose last request failed.
type Failing struct {
	Action string
	Code   string // AWS's, or a name of ours
	Who    string // refused or did not answer; empty: not known
	Since  time.Time
	Detail string // what is wrong, and the way out
}

// receiveFailing is for how long every receive must have failed before the worker is
// said not to receive.
const receiveFailing = 30 * time.Second

const (
	receiveAction    = "ReceiveMessage"
	visibilityAction = "ChangeMessageVisibilityBatch"
)

// Failing are the actions that fail now, by name.
func (c *Consumer) Failing() []Failing {
	t := &c.troubles
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Failing
	for action, tr := range t.last {
		if !tr.working {
			all = append(all, failing(action, tr.cause, tr.since))
		}
	}
	slices.SortFunc(all, func(a, b Failing) int { return cmp.Compare(a.Action, b.Action) })
	return all
}

// NotReceiving reports whether messages are wanted and every receive has failed for 30 s.
// A receive that is still open is no failure, and no success.
func (c *Consumer) NotReceiving() (Failing, bool) {
	c.mu.Lock()
	since := c.poll.failing
	c.mu.Unlock()
	if since.IsZero() || time.Since(since) < receiveFailing {
		return Failing{}, false
	}
	t := &c.troubles
	t.mu.Lock()
	defer t.mu.Unlock()
	return failing(receiveAction, t.last[receiveAction].cause, since), true
}

// renewalsDoubted is how long after one failed renewals are not relied on. Then enough may
// be held again for one to be needed, which shows whether they work.
const renewalsDoubted = 15 * time.Minute

// LeasesEnd reports whether leases cannot be renewed for now: what is held must be done
// within its first one.
func (c *Consumer) LeasesEnd() bool {
	t := &c.troubles
	t.mu.Lock()
	defer t.mu.Unlock()
	last, failed := t.last[visibilityAction]
	return failed && !last.working && time.Since(last.at) < renewalsDoubted
}

func failing(action string, cause awserror.Cause, since time.Time) Failing {
	what, fix := advice(action, cause)
	return Failing{Action: action, Code: cause.Code, Who: cause.Who, Since: since, Detail: what + ": " + fix}
}
