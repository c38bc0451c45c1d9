package consumer

import (
	"cmp"
	"slices"
	"time"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/message"
)

// Stats is a snapshot.
type Stats struct {
	Held      int   // messages without an outcome yet
	Settling  int   // decided, but the queue does not know yet; letters not stored are in Held too
	HeldBytes int64 // of all that take up room: Held and Settling
	Full      bool  // there is no room for another whole batch

	Unstored  Stuck // of Held: their letters could not be stored, or are likely not to be
	Undeleted Stuck // of Settling: they could not be deleted, or are likely not to be

	Received int                     // without those received again while held
	Again    int                     // received again while held
	Outcomes map[message.Outcome]int // sums up to Received - Held
	Stranded int

	PollsOpen   int
	PollsCut    int
	LastReceive time.Time // when a receive last succeeded; zero: never

	// ReceiveBeat and KeepBeat are when the loops last turned: less than 10 s ago if they
	// run and are well.
	ReceiveBeat, KeepBeat time.Time

	OldestSentAt time.Time // of Held; zero if there is none
}

// Stuck are messages held for another try of what failed.
type Stuck struct {
	Messages int
	Since    time.Time // while there are any
	Code     string    // of the last failure, while there are any
}

func (s *stuck) stats() Stuck {
	if s.count == 0 {
		return Stuck{}
	}
	return Stuck{s.count, s.since, s.code}
}

// Stats looks at every message held: ask for it every second, not for every message.
func (c *Consumer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{
		Held: c.undecided, Settling: c.settling, HeldBytes: c.bytes,
		Received: c.received, Again: c.again, Outcomes: map[message.Outcome]int{}, Stranded: c.stranded,
		PollsOpen: c.poll.open, PollsCut: c.poll.cut, LastReceive: c.poll.last,
		ReceiveBeat: c.poll.beat, KeepBeat: c.keepBeat,
	}
	s.Unstored, s.Undeleted = c.stuck[lettering].stats(), c.stuck[deleting].stats()
	s.Full = c.room(len(c.held), c.bytes) < c.room(0, 0)
	for _, o := range message.Outcomes {
		s.Outcomes[o] = c.counts[o]
	}
	for _, d := range c.held {
		if !d.counted && (s.OldestSentAt.IsZero() || d.msg.SentAt.Before(s.OldestSentAt)) {
			s.OldestSentAt = d.msg.SentAt
		}
	}
	return s
}

// Failing is an SQS action whose last request failed.
type Failing struct {
	Action string
	Code   string // AWS's, or a name of ours
	Who    string // refused or did not answer; empty: not known
	Since  time.Time
	Detail string // what is wrong, and the way out
}

// Failing are the actions that fail now, by name.
func (c *Consumer) Failing() []Failing {
	l := &c.errors
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Failing
	for action, last := range l.actions {
		if !last.working {
			all = append(all, failing(action, last.cause, last.since))
		}
	}
	slices.SortFunc(all, func(a, b Failing) int { return cmp.Compare(a.Action, b.Action) })
	return all
}

// receiveFailing is for how long every receive must have failed before the worker is
// said not to receive.
const receiveFailing = 30 * time.Second

// NotReceiving reports whether messages are wanted and every receive has failed for 30 s.
// A receive that is still open is no failure, and no success.
func (c *Consumer) NotReceiving() (Failing, bool) {
	c.mu.Lock()
	since := c.poll.failing
	c.mu.Unlock()
	if since.IsZero() || time.Since(since) < receiveFailing {
		return Failing{}, false
	}
	last, _ := c.errors.last(receiveAction)
	return failing(receiveAction, last.cause, since), true
}

// renewalsDoubted is how long after a failed renewal the consumer does not rely on
// renewals. Then enough messages may be held again for one to be needed, which shows
// whether they work.
const renewalsDoubted = 15 * time.Minute

// LeasesEnd reports whether leases cannot be renewed for now: what is held must be done
// within its first one.
func (c *Consumer) LeasesEnd() bool {
	last, failed := c.errors.last(visibilityAction)
	return failed && !last.working && time.Since(last.at) < renewalsDoubted
}

func failing(action string, cause awserror.Cause, since time.Time) Failing {
	what, fix := advice(action, cause)
	return Failing{Action: action, Code: cause.Code, Who: cause.Who, Since: since, Detail: what + ": " + fix}
}
