// Package redrive moves letters from a dead-letter queue, or a file, back to the
// queue that they came from.
//
// A letter is sent first and deleted second, its lease kept alive meanwhile: at no
// moment does it exist nowhere. A crash in between leaves it in both queues.
package redrive

import (
	"context"
	"errors"
	"io"
	"time"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/sqswire"
)

// Source is where letters come from: a *mailbox.Box, or a *mailbox.File.
type Source interface {
	// Next returns letters that it has not returned before; none where there are
	// none for now, io.EOF where there will be none.
	Next(ctx context.Context, wait time.Duration) ([]*mailbox.Letter, error)
	// Holds reports whether a letter is still ours to move.
	Holds(l *mailbox.Letter) bool
	// Delete takes letters away for good.
	Delete(ctx context.Context, letters []*mailbox.Letter) []error
}

// Options of one run.
type Options struct {
	Filter mailbox.Filter
	Rules  Rules
	Rate   float64 // letters a second at most; 0: no bound
	Limit  int     // letters to move at most; 0: no bound
	// Force moves letters that do not say when their event happened.
	Force bool
	// StopAfter is how many moved letters may come back with the same fault; 0: any
	// number.
	StopAfter int
	// Progress is told the sums whenever they have changed. Nil: nobody is.
	Progress func(Sums)
}

// Letters are looked at ahead of the rate, as new ones queue up behind the old: so
// one that comes back is seen while others wait to be moved, and not at the end.
const (
	maxAhead      = 2000
	maxAheadBytes = 32 << 20
	looksAMove    = 2           // where both are due
	lookEvery     = time.Second // where there was nothing new, or nothing new is looked for
	moveTimeout   = 2 * time.Minute

	longestPause = 365 * 24 * time.Hour // between two moves, at a rate near 0
)

// Sums are what became of the letters so far.
type Sums struct {
	Looked     int `json:"looked"` // at, all those below and those that wait
	Moved      int `json:"moved"`
	LeftOut    int `json:"leftOut"`    // by the filter
	NoTime     int `json:"noTime"`     // refused: see Options.Force
	Newer      int `json:"newer"`      // came after the run had begun; left for the next
	CameBack   int `json:"cameBack"`   // moved by this run, and dead-lettered again; not moved twice
	NotSent    int `json:"notSent"`    // SQS did not take them; they stay
	NotDeleted int `json:"notDeleted"` // moved, and left in the dead-letter queue as well
	LeaseLost  int `json:"leaseLost"`  // not moved: somebody else may hold them
	Requests   int `json:"requests"`   // sends to the queue
}

// Settled is how many of those looked at wait for nothing any more.
func (s Sums) Settled() int {
	return s.Moved + s.LeftOut + s.NoTime + s.Newer + s.CameBack + s.NotSent + s.LeaseLost
}

// Waiting is how many were to be moved and were not, as the run was stopped.
func (s Sums) Waiting() int { return s.Looked - s.Settled() }

// SameFault says that a run was stopped because moved letters came back.
type SameFault struct {
	Place mailbox.Place
	Times int
}

func (e *SameFault) Error() string { return "the same fault came back" }

// run is one redrive.
type run struct {
	o      Options
	from   Source
	to     *mailbox.Sender
	watch  *watch
	sums   Sums
	wanted map[string]bool // ids of the filter that were not found yet

	ahead      []*mailbox.Letter // to be moved, in their order
	aheadBytes int
	nextLook   time.Time
	nextMove   time.Time
	looks      int  // since the last move
	quiet      int  // looks in a row that brought nothing new
	enough     bool // all that was asked for is found
	seenAll    bool // the source has no more
	firstError error
	fatal      error
}

// Run moves letters until there are none left that the filter chooses. What is
// under way when ctx ends is finished.
//
// The error is nil where the source has no more to show; the cause of ctx's end;
// *SameFault; mailbox.ErrFull; or what kept a request from being made. Otherwise
// letters that could not be moved are in the sums, and joined is why the first of
// them could not.
func Run(ctx context.Context, from Source, to *mailbox.Sender, o Options) (sums Sums, joined, err error) {
	r := &run{o: o, from: from, to: to, watch: newWatch(), wanted: map[string]bool{}}
	for _, id := range o.Filter.IDs {
		r.wanted[id] = true
	}
	err = r.loop(ctx)
	r.sums.Requests = to.Requests()
	return r.sums, r.firstError, err
}

func (r *run) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		now := time.Now()
		room := !r.seenAll && len(r.ahead) < maxAhead && r.aheadBytes < maxAheadBytes
		look := room && !now.Before(r.nextLook)
		move := len(r.ahead) > 0 && !now.Before(r.nextMove)
		var err error
		switch {
		case len(r.ahead) == 0 && (r.seenAll || r.enough):
			return nil
		case look && (!move || r.looks < looksAMove):
			err = r.look(ctx)
		case move:
			err = r.move(ctx)
		default:
			r.sleep(ctx, room)
		}
		if err != nil {
			return err
		}
		if r.o.Progress != nil {
			r.o.Progress(r.sums)
		}
		if place, times := r.watch.worst(); r.o.StopAfter > 0 && times >= r.o.StopAfter {
			return &SameFault{place, times}
		}
	}
	return context.Cause(ctx)
}

// sleep waits for the next thing to do.
func (r *run) sleep(ctx context.Context, room bool) {
	next := r.nextMove
	if len(r.ahead) == 0 || room && r.nextLook.Before(next) {
		next = r.nextLook
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// look asks the source for letters, patiently only where nothing else is to do.
func (r *run) look(ctx context.Context) error {
	r.looks++
	wait := time.Duration(0)
	if len(r.ahead) == 0 {
		wait = mailbox.LookWait
	}
	letters, err := r.from.Next(ctx, wait)
	for _, l := range letters {
		r.sums.Looked++
		r.sort(l)
	}
	switch {
	case errors.Is(err, io.EOF):
		r.seenAll = true
		return nil
	case errors.Is(err, mailbox.ErrFull) && len(r.ahead) > 0: // what is moved makes room
	case err != nil:
		return err
	case mailbox.AnyNew(letters):
		r.quiet = 0
	case wait > 0:
		r.quiet++
		r.seenAll = r.quiet >= mailbox.Quiet
	}
	if len(r.ahead) > 0 && (!mailbox.AnyNew(letters) || r.enough) {
		r.nextLook = time.Now().Add(lookEvery)
	}
	return nil
}

// sort decides what is to become of a letter.
func (r *run) sort(l *mailbox.Letter) {
	switch {
	case r.watch.cameBack(l):
		r.sums.CameBack++
	case l.Later:
		r.sums.Newer++
	case !r.o.Filter.Takes(l), r.enough:
		r.sums.LeftOut++
	case !r.o.Force && !r.o.Rules.hasTime(l):
		r.sums.NoTime++
	default:
		r.ahead = append(r.ahead, l)
		r.aheadBytes += l.Bytes()
	}
	for id := range r.wanted {
		if l.Is(id) {
			delete(r.wanted, id)
		}
	}
	// From here on letters are looked at only to see what comes back, since each look
	// costs receives.
	r.enough = r.enough || len(r.o.Filter.IDs) > 0 && len(r.wanted) == 0 ||
		r.o.Limit > 0 && r.sums.Moved+len(r.ahead) >= r.o.Limit
	r.seenAll = r.seenAll || r.enough && r.o.StopAfter == 0
}

// batch is how many letters are moved at once: no more than a second's.
func (r *run) batch() int {
	if r.o.Rate <= 0 {
		return sqswire.MaxEntries
	}
	return max(1, int(min(sqswire.MaxEntries, r.o.Rate)))
}

// move sends the next letters and deletes them. It is finished though ctx ends
// meanwhile.
func (r *run) move(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTimeout)
	defer cancel()
	r.looks = 0
	start := time.Now()
	letters := r.take(r.batch())
	if r.o.Rate > 0 {
		seconds := min(float64(len(letters))/r.o.Rate, longestPause.Seconds())
		r.nextMove = start.Add(time.Duration(seconds * float64(time.Second)))
	}
	var stored []*mailbox.Letter
	for i, sent := range r.to.Send(ctx, letters) {
		if sent.Err != nil {
			r.sums.NotSent++
			r.note(sent.Err)
			continue
		}
		r.watch.sent(letters[i], sent)
		stored = append(stored, letters[i])
	}
	// A crash here, or anywhere since the send, leaves them in both queues: they are
	// shown again when their lease ends, and moved a second time.
	for _, err := range r.from.Delete(ctx, stored) {
		r.sums.Moved++
		if err != nil {
			r.sums.NotDeleted++
			r.note(err)
		}
	}
	return r.fatal
}

// take takes the next letters to be moved, without those whose lease is gone.
func (r *run) take(n int) []*mailbox.Letter {
	letters := make([]*mailbox.Letter, 0, n)
	for len(letters) < n && len(r.ahead) > 0 {
		l := r.ahead[0]
		r.ahead[0] = nil // moved letters are not kept
		r.ahead = r.ahead[1:]
		r.aheadBytes -= l.Bytes()
		if r.from.Holds(l) {
			letters = append(letters, l)
		} else {
			r.sums.LeaseLost++
		}
	}
	return letters
}

// note keeps why the first letter could not be moved, and what the next ones would
// meet as well: a request that fails for another reason than what is in it.
func (r *run) note(err error) {
	if r.firstError == nil {
		r.firstError = err
	}
	if refused, ok := errors.AsType[*mailbox.RequestError](err); ok && !sqswire.RefusedContent(err) {
		r.fatal = refused
	}
}
