package backlog

import (
	"slices"
	"time"

	"managed-thing-updater/internal/evidence"
)

// state says where a thing is, see the package comment.
type state int

const (
	nowhere state = iota
	inLine
	backingOff
	inTurn
)

// thing is all that waits for one managed thing.
type thing struct {
	id        string
	items     []*Item // in their order
	turning   int     // items that its turn holds
	state     state
	queue     *readyQueue // that it is in, while inLine
	tenant    *tenant     // whose it is, while inLine
	heap      *things     // of the tenant, that it is in
	place     int         // in its heap
	key       readyKey
	due       time.Time           // end of the last delay
	failures  int                 // turns that failed in a row
	failing   bool                // its last call failed, throttled ones left out
	calls     evidence.CallCounts // its first calls
	answered  uint64              // its calls, first ones or not
	throttled bool                // its last call was
	probed    time.Time           // when it was last probed; zero: never

	othersAnswered uint64 // calls for other things that were answered when it was last throttled
}

// readyKey is a thing's place in line: the sent time of its longest-waiting message, then
// the arrival. Among things that failed, the one whose delay ended first goes first: the
// oldest ones could otherwise fail in turn for ever, and none behind them be tried again.
type readyKey struct {
	due    time.Time // of a thing that failed: when its delay ended; zero for others
	sentAt time.Time
	seq    int64
}

func (t *thing) before(u *thing) bool {
	if c := t.key.due.Compare(u.key.due); c != 0 {
		return c < 0
	}
	if c := t.key.sentAt.Compare(u.key.sentAt); c != 0 {
		return c < 0
	}
	return t.key.seq < u.key.seq
}

func (t *thing) dueBefore(u *thing) bool { return t.due.Before(u.due) }

func (t *thing) insert(it *Item) {
	at, _ := slices.BinarySearchFunc(t.items, it, (*Item).compare)
	t.items = slices.Insert(t.items, at, it)
}

// remove reports whether the item was waiting here.
func (t *thing) remove(it *Item) bool {
	at := slices.Index(t.items, it)
	if at < 0 {
		return false
	}
	t.items = slices.Delete(t.items, at, at+1)
	return true
}

// oldest is the longest-waiting item, nil if none waits.
func (t *thing) oldest() *Item {
	var oldest *Item
	for _, it := range t.items {
		if oldest == nil || it.SentAt.Before(oldest.SentAt) || it.SentAt.Equal(oldest.SentAt) && it.seq < oldest.seq {
			oldest = it
		}
	}
	return oldest
}

func (t *thing) suspect() bool {
	return slices.ContainsFunc(t.items, func(it *Item) bool { return it.Suspect })
}

// take splits the items into those of a turn and those that stay: a turn has one suspect
// at most.
func (t *thing) take() (taken, left []*Item) {
	suspects := 0
	for i, it := range t.items {
		if it.Suspect {
			suspects++
		}
		if suspects == 2 {
			return slices.Clone(t.items[:i]), slices.Clone(t.items[i:])
		}
	}
	return t.items, nil
}
