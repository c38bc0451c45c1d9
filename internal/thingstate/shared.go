package thingstate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"
)

// SharedOptions of a Shared. Zero or less means the default.
type SharedOptions struct {
	DedupTTL   time.Duration // how long a dedup key is remembered; default 24 h
	VersionTTL time.Duration // how long a record is remembered after its last write; default 35 days
	// Timeout bounds each of Acquire and Finish; default 4 s, so that a lease of
	// 10 s more than a call may take outlasts an Acquire, the call, and a Finish.
	Timeout time.Duration
	// Now is this process's clock; default time.Now.
	Now func() time.Time
}

// Shared is the store of several workers: it keeps the records in a Table that
// all of them write to. The package comment says what it guarantees.
type Shared struct {
	table Table
	o     SharedOptions

	mu         sync.Mutex
	unanswered map[string]unanswered // by thing
}

// unanswered is an Acquire whose outcome is not known: it may have taken the item,
// or may yet.
type unanswered struct {
	by    Holder
	until time.Time // its lease's end
}

// hold is what a Shared store keeps with a lease.
type hold struct {
	by       Holder
	puts     uint64
	finished []Holder

	mu      sync.Mutex // guards the record
	record  Record
	written time.Time // the table's clock
}

// errNoAnswer is the cause of the end of an operation that took too long.
var errNoAnswer = errors.New("no answer in time")

// NewShared makes a Store of a table.
func NewShared(t Table, o SharedOptions) *Shared {
	if o.DedupTTL <= 0 {
		o.DedupTTL = 24 * time.Hour
	}
	if o.VersionTTL <= 0 {
		o.VersionTTL = 35 * 24 * time.Hour
	}
	if o.Timeout <= 0 {
		o.Timeout = 4 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Shared{table: t, o: o, unanswered: map[string]unanswered{}}
}

// Check implements Table's.
func (s *Shared) Check(ctx context.Context) ([]string, error) { return s.table.Check(ctx) }

// Close implements Table's.
func (s *Shared) Close() error { return s.table.Close() }

// Acquire implements Store. Its errors are those of a Table's Take, but ErrFull,
// and the context's cause.
//
// An Acquire of a thing whose last Acquire by this process got no answer counts as
// the same one: it is not locked out by itself.
func (s *Shared) Acquire(ctx context.Context, thing string, lease time.Duration, intents []Intent) (Record, Lease, error) {
	if ctx.Err() != nil {
		return Record{}, Lease{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.o.Timeout, errNoAnswer)
	defer cancel()
	asked := s.o.Now()
	t := Take{Now: asked, Lease: lease, TTL: max(s.o.VersionTTL, s.o.DedupTTL, lease)}
	t.By = s.holder(thing, asked)
	t.Marks = encodeMarks(t.By, intents)
	item, err := s.table.Take(ctx, thing, t)
	if errors.Is(err, ErrFull) {
		if err = s.makeRoom(ctx, thing, t, item); err == nil {
			t.By = newHolder() // the old one has made a Put, and so is finished
			t.Marks = encodeMarks(t.By, intents)
			item, err = s.table.Take(ctx, thing, t)
		}
	}
	if err != nil {
		err = s.explain(ctx, "acquire", thing, err)
		if !answered(err) {
			s.remember(thing, t.By, asked.Add(lease))
		}
		return Record{}, Lease{}, err
	}
	// A crash after this line leaves the marks pending: the next Acquire of the item
	// finds them.
	before, err := s.read(thing, item, t.By)
	if err != nil {
		return Record{}, Lease{}, err
	}
	h := &hold{by: t.By, puts: item.Puts, finished: item.Finished, record: before.Marked(item.Token, intents, item.Now), written: item.Now}
	return before, Lease{
		Thing: thing, Token: item.Token, Until: asked.Add(lease), hold: h,
		now: item.Now, since: s.o.Now(), clock: s.o.Now,
	}, nil
}

// makeRoom ends the last lease of an item, which has run out, with nothing known
// of its call: what is pending becomes part of the record.
func (s *Shared) makeRoom(ctx context.Context, thing string, t Take, item Item) error {
	all, err := s.read(thing, item, t.By)
	if err != nil {
		return err
	}
	// A crash after this write leaves a free item that says the same.
	err = s.table.Put(ctx, thing, Put{
		By: t.By, Of: item.By, Puts: item.Puts, Finished: item.Finished,
		Now: t.Now, Record: encodeRecord(all, item.Now), TTL: t.TTL,
	})
	if errors.Is(err, ErrLeaseLost) {
		return &HeldError{Thing: thing} // another owner has just taken it
	}
	return err
}

// read returns the record that an item stands for: that of the last Finish, and
// the marks of each acquisition since, those of by itself left out.
func (s *Shared) read(thing string, item Item, by Holder) (Record, error) {
	r, written, err := decodeRecord(item.Record)
	if err != nil {
		return Record{}, s.unreadable(thing, err)
	}
	for _, p := range item.Pending {
		whose, intents, err := decodeMarks(p.Marks)
		if err != nil {
			return Record{}, s.unreadable(thing, err)
		}
		if whose == by {
			continue // its answer was lost; nothing was sent under it
		}
		r = r.Unexpired(p.At, written, s.o.VersionTTL, s.o.DedupTTL).Marked(p.Token, intents, p.At)
		written = p.At
	}
	return r.Unexpired(item.Now, written, s.o.VersionTTL, s.o.DedupTTL), nil
}

func (s *Shared) unreadable(thing string, err error) error {
	format, _ := errors.AsType[newerFormat](err)
	return &UnreadableError{Thing: thing, Format: int(format), Where: s.table.Where(thing)}
}

// Finish implements Store. Its errors are those of a Table's Put, and the
// context's cause.
func (s *Shared) Finish(ctx context.Context, l Lease, r Result) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	h := l.hold
	if h == nil {
		return fmt.Errorf("thingstate: the lease of thing %s is not one of this store", l.Thing)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.o.Timeout, errNoAnswer)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	at, now := s.o.Now(), l.Now()
	after := h.record.Unexpired(now, h.written, s.o.VersionTTL, s.o.DedupTTL).Finished(l.Token, r, now)
	err := s.table.Put(ctx, l.Thing, Put{
		By: h.by, Of: h.by, Puts: h.puts, Finished: h.finished,
		Now: at, Record: encodeRecord(after, now), TTL: max(s.o.VersionTTL, s.o.DedupTTL),
	})
	if err != nil {
		return s.explain(ctx, "finish", l.Thing, err)
	}
	h.record, h.written = after, now
	return nil
}

// explain says what failed, and why a context ended. What a caller tells apart
// stays as it is.
func (s *Shared) explain(ctx context.Context, operation, thing string, err error) error {
	if answered(err) || errors.Is(err, ErrLeaseLost) {
		return err
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return fmt.Errorf("thingstate: %v: %s of thing %s: %w", s.table, operation, thing, err)
}

// answered reports whether a Take is known to have written nothing.
func answered(err error) bool {
	if _, ok := errors.AsType[*HeldError](err); ok {
		return true
	}
	_, ok := errors.AsType[*UnreadableError](err)
	return ok
}

// maxUnanswered bounds what is kept of Acquires without an answer. Past it, some
// wait out a lease of their own.
const maxUnanswered = 10_000

// holder draws a new Holder, or returns that of the thing's last Acquire if it got no
// answer. That one is no other's then.
func (s *Shared) holder(thing string, now time.Time) Holder {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.unanswered[thing]
	delete(s.unanswered, thing)
	if ok && last.until.After(now) {
		return last.by
	}
	return newHolder()
}

func newHolder() Holder {
	var by Holder
	_, _ = rand.Read(by[:]) // it never fails
	return by
}

func (s *Shared) remember(thing string, by Holder, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unanswered) >= maxUnanswered {
		now := s.o.Now()
		for other, u := range s.unanswered {
			if !u.until.After(now) {
				delete(s.unanswered, other)
			}
		}
	}
	if len(s.unanswered) < maxUnanswered {
		s.unanswered[thing] = unanswered{by, until}
	}
}
