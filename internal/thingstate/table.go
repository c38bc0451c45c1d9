package thingstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Table is where a Shared store keeps one item a thing: what its last Put wrote, the
// lease, and the marks of each Take since. Both writes are atomic, each is one request,
// and each may be sent again. Safe for use by many goroutines.
//
// A request may be carried out twice, and long after its caller gave it up: it was
// stuck on its way while another try went through. So a table refuses what is late,
// by counts and holders that it keeps in the item, never by a clock. Its refusals are
// part of this contract, and statetest.Late has every order of them.
//
// An item may be forgotten TTL after its last write, or any time later.
type Table interface {
	// Take takes the item for t.By: in one write it sets the lease, draws a token
	// greater than the item's last, and adds t.Marks to what is pending. It returns
	// the item as it was before, with the token drawn.
	//
	// It succeeds if no lease runs. It succeeds too if t.By has the item already and
	// has not Put it, as after an answer that was lost: then t.Marks are pending twice.
	// It refuses, with a HeldError, a holder of whom it knows that its time is over:
	//   - one of the last MaxFinished that made a Put;
	//   - one that others took the item from, until one of these makes a Put.
	// What it cannot know to be late begins a lease that keeps others out until it
	// runs out, and leaves marks, which cost a call. It changes no record: a Put
	// belongs to the Take whose answer it was made from.
	//
	// Errors: *HeldError; *UnreadableError if the item has marks or a record in
	// a format above ItemFormat; ErrFull, with the item, if MaxPending are
	// pending. None of these has written anything.
	Take(ctx context.Context, thing string, t Take) (Item, error)

	// Put ends the lease that p.Of took and writes p.Record in place of the old
	// record and of all that is pending. A lease that has run out is ended too.
	//
	// It writes only if p.Of had the item all the time since the Take that returned
	// p.Puts: no other holder's Take and no Put came in between. Otherwise it returns
	// nil if p.By is one of the last MaxFinished that made a Put, since then it was made
	// before, and ErrLeaseLost if not. Neither changes what others wrote.
	Put(ctx context.Context, thing string, p Put) error

	// Check looks whether the table can be used. Warnings are for a person, and
	// hinder nothing. Errors: *SetupError if a person must change something
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
	Now   time.Time // by the caller's clock; a table that knows the time better goes by that
	Lease time.Duration
	Marks []byte
	TTL   time.Duration
}

// Put is what Table's Put writes.
type Put struct {
	By       Holder    // who makes it, and counts as finished from then on
	Of       Holder    // whose lease it ends: By, but for one that another left behind
	Puts     uint64    // of the Item that Of's Take returned
	Finished []Holder  // of the same Item
	Now      time.Time // as above
	Record   []byte
	TTL      time.Duration
}

// Finishers are those that an item knows after this Put, oldest first.
func (p Put) Finishers() []Holder {
	return newest(append(slices.Clone(p.Finished), p.By), MaxFinished)
}

// Item is what a table keeps of a thing, as it was before a Take.
type Item struct {
	Record   []byte    // nil: none
	Pending  []Pending // oldest first
	By       Holder    // of the last Take, or Put
	Token    uint64    // of this Take
	Puts     uint64    // grows with each Put, and with nothing else
	Finished []Holder  // who made the last of them, oldest first; at most MaxFinished
	Now      time.Time // of this Take, by the table's clock
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

// MaxFinished bounds how many that made a Put an item knows: as many as may come
// between two tries of a request. One that is later than that is not told from a
// new one, and does what Table says.
const MaxFinished = 8

// ItemFormat is the newest format of what a table of this build writes: of the item
// itself, which is 2 since it has Puts and Finished, and of the record in it.
const ItemFormat = max(2, RecordFormat)

// ErrFull is returned by Take if MaxPending are pending.
var ErrFull = errors.New("thingstate: too many acquisitions of the thing were not finished")

// UnreadableError is returned by Acquire if a thing's record cannot be read. It
// stays as it is.
type UnreadableError struct {
	Thing  string
	Format int    // of the record; 0: it is damaged
	Where  string // the item, by its name in the store's own tools
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
