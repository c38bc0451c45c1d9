package statetest

import (
	"errors"

	"managed-thing-updater/internal/thingstate"
)

// answerRules are about requests that were carried out but whose answer is lost.
// What a store repeats by itself, the caller does not see.
var answerRules = []rule{
	{"an acquire whose answer is lost does not lock itself out", func(b *fixture) {
		b.needsLosses()
		for _, n := range []int{1, 2, -1} {
			b.opened.Lose(n)
			_, l, err := b.store.Acquire(b.Context(), thing, b.long(), []thingstate.Intent{intent("Name", 1)})
			if _, held := errors.AsType[*thingstate.HeldError](err); held {
				b.Fatalf("%d answers lost: held by itself: %v", n, err)
			}
			if n < 0 && err == nil {
				b.Fatal("no answer came, and yet it was acquired")
			}
			b.opened.Lose(0)
			if err != nil {
				var r thingstate.Record
				r, l = b.acquire(intent("Name", 1))
				if len(r.Marks) > 0 {
					b.Errorf("%d answers lost: its own marks are taken for another call's: %+v", n, r.Marks)
				}
			}
			b.finish(l, thingstate.Result{Call: thingstate.NotSent})
			expectMarks(b, "Name")
		}
	}},
	{"an acquire whose answer is lost leaves one mark when its call may have been applied", func(b *fixture) {
		b.needsLosses()
		b.opened.Lose(1)
		_, l, err := b.store.Acquire(b.Context(), thing, b.long(), []thingstate.Intent{intent("Name", 1)})
		if err != nil {
			_, l = b.acquire(intent("Name", 1))
		}
		b.finish(l, thingstate.Result{Call: thingstate.OutcomeUnknown})
		expectMarks(b, "Name", 1)
	}},
	{"an acquire whose answer is lost holds others off, and its marks stay", func(b *fixture) {
		b.needsLosses()
		b.opened.Lose(-1)
		if _, _, err := b.store.Acquire(b.Context(), thing, 3*b.Tick, []thingstate.Intent{intent("Name", 1)}); err == nil {
			b.Fatal("no answer came, and yet it was acquired")
		}
		b.opened.Lose(0)
		other := b.replica()
		_, _, err := other.Acquire(b.Context(), thing, b.long(), nil)
		if _, held := errors.AsType[*thingstate.HeldError](err); !held {
			b.Errorf("another owner: %v, want a HeldError", err)
		}
		b.pass(4)
		r, l, err := other.Acquire(b.Context(), thing, b.long(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if len(marked(r, "Name")) == 0 {
			b.Error("a call that may have been made is forgotten")
		}
		if err := other.Finish(b.Context(), l, thingstate.Result{}); err != nil {
			b.Error(err)
		}
	}},
	{"a finish whose answer is lost is repeated", func(b *fixture) {
		b.needsLosses()
		for _, n := range []int{1, 2, -1} {
			_, l := b.acquire(intent("Name", 1))
			result := thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}, Keys: []string{"key"}}
			b.opened.Lose(n)
			err := b.store.Finish(b.Context(), l, result)
			if n < 0 && err == nil || errors.Is(err, thingstate.ErrLeaseLost) {
				b.Fatalf("%d answers lost: %v", n, err)
			}
			b.opened.Lose(0)
			b.finish(l, result)
			expectVersion(b, at(1), digest(1))
			if r := b.record(); len(r.Versions) != 1 || len(r.Marks) > 0 || len(r.Keys) != 1 {
				b.Errorf("%d answers lost: record %+v", n, r)
			}
		}
	}},
	{"a finish that was made is no stale write, though another owner came before its repetition", func(b *fixture) {
		b.needsLosses()
		for _, others := range []int{1, thingstate.MaxFinished - 1} {
			_, l := b.acquire(intent("Name", 1))
			result := thingstate.Result{Call: thingstate.Succeeded, Applied: named(version(1))}
			b.opened.Lose(-1)
			if err := b.store.Finish(b.Context(), l, result); err == nil {
				b.Fatal("no answer came, and yet it was finished")
			}
			b.opened.Lose(0)
			for range others {
				b.apply(named(version(2)))
			}
			if err := b.store.Finish(b.Context(), l, result); err != nil && !(b.Blind && errors.Is(err, thingstate.ErrLeaseLost)) {
				b.Errorf("repeated Finish after %d others: %v", others, err)
			}
			expectVersion(b, at(2), digest(2))
			expectMarks(b, "Name")
		}
	}},
}

func (b *fixture) needsLosses() {
	b.Helper()
	if b.opened.Lose == nil {
		b.Skip("nothing is between this store and its records")
	}
	// The connection, and whatever the server learns at first, is there: the next
	// answer is that of a write.
	b.record()
}
