package thingstate

import (
	"context"
	"errors"
	"time"

	"managed-thing-updater/internal/message"
)

// Store keeps the records. Safe for use by many goroutines; two of them never
// hold the lease of one thing at once, in one process or across all that share
// the store. Each operation returns within some 5 s, whatever its context allows.
//
// A record is forgotten some time after its last write (version TTL), its dedup
// keys each some time after they were applied (dedup TTL); a bounded store
// forgets the records longest unused first.
type Store interface {
	// Acquire takes the lease of thing until now+lease and, in the same write,
	// marks each intent's member as unknown: from here on a crash leaves behind
	// "this value may or may not be set". It returns the record as it was
	// before, with the marks that earlier calls left.
	//
	// Errors: *HeldError if another owner holds the lease, *UnreadableError if the
	// record cannot be read (nothing was changed). Anything else is a trouble of the
	// store: the write may or may not have happened (a mark too many costs a call, never
	// a value).
	Acquire(ctx context.Context, thing string, lease time.Duration, intents []Intent) (Record, Lease, error)

	// Finish ends the lease and, in the same write, records how the call ended. A
	// lease that has run out but was not taken over is finished all the same, and
	// a Finish may be repeated after an error that leaves open whether it was
	// written: it succeeds if it was, though others finished since. It returns
	// ErrLeaseLost, having written nothing, if the lease was taken over before it, or
	// its record is forgotten.
	Finish(ctx context.Context, l Lease, r Result) error
}

// ErrLeaseLost is returned by Finish when the lease has ended and another owner
// has taken it: what was sent under it may have overtaken a newer value.
var ErrLeaseLost = errors.New("thingstate: the thing's lease was taken over by another owner")

// HeldError is returned by Acquire when another owner holds the lease.
type HeldError struct {
	Thing string
	Until time.Time // the lease's end by this process's clock; zero if the store does not say
}

func (e *HeldError) Error() string {
	if e.Until.IsZero() {
		return "thingstate: thing " + e.Thing + " is held by another owner"
	}
	return "thingstate: thing " + e.Thing + " is held by another owner until " + e.Until.UTC().Format(time.RFC3339Nano)
}

// Lease is a hold on one thing's record, ended by Finish or by time.
type Lease struct {
	Thing string
	Token uint64    // fencing token: grows with each acquisition of the thing
	Until time.Time // by this process's clock, and not after its end by the store's

	hold *hold // of a Shared store
	// now was the time by the store's clock, at the latest, when it was since by the
	// process's. Without a clock the two are one.
	now, since time.Time
	clock      func() time.Time
}

// Now is the time by the clock that the times of the record are of: the store's. It
// is that of Acquire and what has passed since its answer, so it may be behind the
// store by as long as the answer took (4 s at most), and is never ahead: an age taken
// by it is never too great.
func (l Lease) Now() time.Time {
	if l.clock == nil {
		return time.Now()
	}
	return l.now.Add(l.clock().Sub(l.since))
}

// Digest is the first half of the SHA-256 of a raw value.
type Digest [16]byte

// Intent is a member about to be sent.
type Intent struct {
	Member string // the store keeps it
	Digest Digest
	Order  *message.Order // never nil; the store keeps it
	// PartKeys are the keys that the value sets, sorted; nil if they cannot be told
	// apart. The store keeps them.
	PartKeys []PartKey
}

// Call is how the call under a lease ended.
type Call int

const (
	NotSent        Call = iota // no call was made, or it is known not to have been applied: the lease's own marks go
	Succeeded                  // 204: the lease's own marks go, and so does the doubt that Landed and Applied end
	OutcomeUnknown             // the lease's own marks of what was Sent stay: it may have been applied, or may yet be
	MaybeApplied               // the same, and they are over: it may have been applied, but will not be any more
)

// Result is what Finish records. The store may keep Orders and Parts: they are never
// changed.
type Result struct {
	Call Call
	// Applied are the versions now known to be set, one for each member. They replace
	// what was known of those members (Parts are added to, newest order wins). The store
	// keeps the members' names. May be set with NotSent, if nothing needed sending.
	Applied []Version
	// Keys are the dedup keys of the updates that this settles.
	Keys []string
	// Landed, with Succeeded: a call that was marked until then, by the store's clock,
	// had landed when this one started, if it ever will. It cannot undo what this call
	// sent; a younger one can.
	Landed time.Time
	// Sent, with OutcomeUnknown and MaybeApplied, is what the call carried, of what
	// was marked when the lease was acquired. Nil: all of that.
	Sent []Intent
}
