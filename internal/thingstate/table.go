package thingstate

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Table is where a Shared store keeps one item a thing: what its last Finish
// wrote, the lease, and the marks of each Take since. Both writes are atomic, may
// be repeated, and are each one request. Safe for use by many goroutines.
//
// An item may be forgotten TTL after its last write, or any time later.
type Table interface {
	// Take takes the item for t.By: in one write it sets the lease, draws a token
	// greater than the item's last, and adds t.Marks to what is pending. It returns
	// the item as it was before, with the token drawn.
	//
	// It succeeds where no lease runs; and where t.By has the item already and has
	// not Put it, as after an answer that was lost: then t.Marks are pending twice.
	//
	// Errors: *HeldError; *UnreadableError where the item has marks or a record in
	// a format above RecordFormat; ErrFull, with the item, where MaxPending are
	// pending. None of these has written anything.
	Take(ctx context.Context, thing string, t Take) (Item, error)

	// Put ends the lease that p.By took and writes its record in place of the old
	// one and of all that is pending. A lease that has run out is ended too, and one
	// that is ended already, with the record written again.
	//
	// It returns ErrLeaseLost, having written nothing, where somebody else took the
	// item since, or it is forgotten.
	Put(ctx context.Context, thing string, p Put) error

	// Check looks whether the table can be used. Warnings are for a person, and
	// hinder nothing. Errors: *SetupError where a person must change something
	// first; any other may pass by itself.
	Check(ctx context.Context) (warnings []string, err error)

	// String names the table without credentials.
	String() string

	// Where names a thing's item as the store's own tools do.
	Where(thing string) string

	// Close gives back what the table holds open. Nothing is called after it.
	Close() error
}

// Holder names one acquisition of one thing: drawn at random, so that none is
// taken for another, before or after an item was forgotten.
type Holder [8]byte

// Take is what Table's Take writes.
type Take struct {
	By    Holder
	Now   time.Time // by the caller's clock, for a table without one
	Lease time.Duration
	Marks []byte
	TTL   time.Duration
}

// Put is what Table's Put writes.
type Put struct {
	By     Holder
	Now    time.Time // as above
	Record []byte
	TTL    time.Duration
}

// Item is what a table keeps of a thing, as it was before a Take.
type Item struct {
	Record  []byte    // nil: none
	Pending []Pending // oldest first
	By      Holder    // of the last Take
	Token   uint64    // of this Take
	Now     time.Time // of this Take, by the table's clock
}

// Pending is one Take that no Put followed.
type Pending struct {
	Marks []byte
	Token uint64
	At    time.Time // by the table's clock
}

// MaxPending bounds what is pending of an item. Only a Take whose worker died, or
// lost its lease, leaves something pending until the next Put.
const MaxPending = 32

// ErrFull is returned by Take where MaxPending are pending.
var ErrFull = errors.New("thingstate: too many acquisitions of the thing were not finished")

// UnreadableError is returned by Acquire where a thing's record cannot be read. It
// stays as it is.
type UnreadableError struct {
	Thing  string
	Format int    // of the record; 0: it is damaged
	Where  string // the item, as one names it to the store's own tools
}

func (e *UnreadableError) Error() string {
	if e.Format == 0 {
		return fmt.Sprintf("thingstate: the record of thing %s cannot be read: %v; delete %s, and what it knows of the thing's newest values goes with it",
			e.Thing, errDamaged, e.Where)
	}
	return fmt.Sprintf("thingstate: the record of thing %s cannot be read: %v; run the newer version of the worker, or delete %s, and what it knows of the thing's newest values goes with it",
		e.Thing, newerFormat(e.Format), e.Where)
}

// SetupError says that a store cannot work as it is set up: a person must change
// something first.
type SetupError struct {
	Fault error  // what is wrong, naming the thing
	Fix   string // the way out
}

func (e *SetupError) Error() string { return e.Fault.Error() + "; " + e.Fix }
func (e *SetupError) Unwrap() error { return e.Fault }
