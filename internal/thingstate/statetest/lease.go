package statetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/thingstate"
)

var leaseRules = []rule{
	{"a thing that was never seen has an empty record", func(b *bench) {
		r, l := b.acquire()
		if len(r.Versions) > 0 || len(r.Marks) > 0 || r.Seen("key") {
			b.Errorf("record of a new thing: %+v", r)
		}
		if l.Thing != thing || !l.Until.After(time.Now()) {
			b.Errorf("lease: %+v", l)
		}
	}},
	{"a thing under a lease is held", func(b *bench) {
		_, l := b.acquire()
		_, _, err := b.store.Acquire(b.Context(), thing, b.long(), []thingstate.Intent{intent("Name", 1)})
		held, ok := errors.AsType[*thingstate.HeldError](err)
		if !ok {
			b.Fatalf("second Acquire: %v, want a HeldError", err)
		}
		// A store may keep milliseconds.
		if held.Thing != thing || held.Until.Sub(l.Until).Abs() > time.Millisecond {
			b.Errorf("held: %+v, want until %v", held, l.Until)
		}
		b.finish(l, thingstate.Result{})
		if r := b.record(); len(r.Marks) > 0 {
			b.Errorf("a refused Acquire wrote marks: %v", r.Marks)
		}
	}},
	{"another thing is free", func(b *bench) {
		b.acquire()
		b.acquireFor("urn:thing:2", b.long())
	}},
	{"a finished thing is free", func(b *bench) {
		_, first := b.acquire()
		b.finish(first, thingstate.Result{})
		if _, second := b.acquire(); second.Token <= first.Token {
			b.Errorf("tokens %d, then %d: they must grow", first.Token, second.Token)
		}
	}},
	{"a lease ends by time", func(b *bench) {
		_, first := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		if _, second := b.acquire(); second.Token <= first.Token {
			b.Errorf("tokens %d, then %d: they must grow", first.Token, second.Token)
		}
	}},
	{"a lease taken over is lost and writes nothing", func(b *bench) {
		_, first := b.acquireFor(thing, 2*b.Tick, intent("Name", 1))
		b.pass(3)
		_, second := b.acquire(intent("Name", 2))
		err := b.store.Finish(b.Context(), first, thingstate.Result{
			Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}, Keys: []string{"late"},
		})
		if !errors.Is(err, thingstate.ErrLeaseLost) {
			b.Fatalf("late Finish: %v, want ErrLeaseLost", err)
		}
		if _, _, err := b.store.Acquire(b.Context(), thing, b.long(), nil); err == nil {
			b.Error("the late Finish ended the other owner's lease")
		}
		b.finish(second, thingstate.Result{Call: thingstate.OutcomeUnknown})
		r := b.record()
		if len(r.Versions) > 0 || r.Seen("late") || string(marked(r, "Name")) != "\x01\x02" {
			b.Errorf("the late Finish wrote: %+v", r)
		}
	}},
	{"a lease taken over and finished stays lost", func(b *bench) {
		_, first := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		b.record()
		if err := b.store.Finish(b.Context(), first, thingstate.Result{}); !errors.Is(err, thingstate.ErrLeaseLost) {
			b.Errorf("late Finish: %v, want ErrLeaseLost", err)
		}
	}},
	{"a lease that ran out but was not taken over is finished", func(b *bench) {
		_, l := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		b.finish(l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}})
		expectVersion(b, at(1), digest(1))
	}},
	{"a repeated finish changes nothing", func(b *bench) {
		_, l := b.acquire(intent("Name", 1))
		result := thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}, Keys: []string{"key"}}
		b.finish(l, result)
		b.finish(l, result)
		expectVersion(b, at(1), digest(1))
		if r := b.record(); len(r.Versions) != 1 || len(r.Marks) > 0 || len(r.Keys) != 1 {
			b.Errorf("record: %+v", r)
		}
	}},
	{"an ended context writes nothing", func(b *bench) {
		why := errors.New("the worker stops")
		ended, end := context.WithCancelCause(b.Context())
		end(why)
		if _, _, err := b.store.Acquire(ended, thing, b.long(), []thingstate.Intent{intent("Name", 1)}); !errors.Is(err, why) {
			b.Errorf("Acquire: %v, want the context's cause", err)
		}
		r, l := b.acquire()
		if len(r.Marks) > 0 {
			b.Errorf("marks: %v", r.Marks)
		}
		if err := b.store.Finish(ended, l, thingstate.Result{Keys: []string{"key"}}); !errors.Is(err, why) {
			b.Errorf("Finish: %v, want the context's cause", err)
		}
		b.finish(l, thingstate.Result{})
		if b.record().Seen("key") {
			b.Error("the failed Finish wrote a key")
		}
	}},
	{"of many owners one at a time has the lease and none loses a write", manyOwners},
}

// manyOwners counts up a number in the record from many goroutines, as replicas do.
func manyOwners(b *bench) {
	const owners, turns = 8, 5
	ctx, cancel := context.WithTimeout(b.Context(), b.long())
	defer cancel()
	var inside atomic.Int32
	var wg sync.WaitGroup
	turn := func(t *testing.T) error {
		r, l, err := b.store.Acquire(ctx, thing, b.long(), nil)
		if err != nil {
			return err
		}
		if n := inside.Add(1); n > 1 {
			t.Errorf("%d owners at once", n)
		}
		count := counted(r)
		v := version(count + 1)
		v.Order.MessageID = strconv.Itoa(count + 1)
		inside.Add(-1)
		return b.store.Finish(ctx, l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{v}})
	}
	for range owners {
		wg.Go(func() {
			for done := 0; done < turns; {
				err := turn(b.T)
				if _, held := errors.AsType[*thingstate.HeldError](err); held {
					time.Sleep(b.Tick / 20)
					continue
				}
				if err != nil {
					b.Errorf("turn: %v", err)
					return
				}
				done++
			}
		})
	}
	wg.Wait()
	if got := counted(b.record()); got != owners*turns {
		b.Errorf("counted to %d, want %d: writes were lost", got, owners*turns)
	}
}

func counted(r thingstate.Record) int {
	v, known := r.Version("Name")
	if !known {
		return 0
	}
	n, _ := strconv.Atoi(v.Order.MessageID)
	return n
}
