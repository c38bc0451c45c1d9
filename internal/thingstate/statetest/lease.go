package statetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"managed-thing-updater/internal/thingstate"
)

var leaseRules = []rule{
	{"a thing that was never seen has an empty record", func(b *fixture) {
		r, l := b.acquire()
		if len(r.Versions) > 0 || len(r.Marks) > 0 || r.Seen("key") {
			b.Errorf("record of a new thing: %+v", r)
		}
		if l.Thing != thing || !l.Until.After(time.Now()) {
			b.Errorf("lease: %+v", l)
		}
	}},
	{"a thing under a lease is held", func(b *fixture) {
		_, l := b.acquire()
		_, _, err := b.store.Acquire(b.Context(), thing, b.long(), []thingstate.Intent{intent("Name", 1)})
		held, ok := errors.AsType[*thingstate.HeldError](err)
		if !ok {
			b.Fatalf("second Acquire: %v, want a HeldError", err)
		}
		if held.Thing != thing || !b.Blind && !b.near(held.Until, l.Until) {
			b.Errorf("held: %+v, want until %v", held, l.Until)
		}
		b.finish(l, thingstate.Result{})
		if r := b.record(); len(r.Marks) > 0 {
			b.Errorf("a refused Acquire wrote marks: %v", r.Marks)
		}
	}},
	{"another thing is free", func(b *fixture) {
		b.acquire()
		b.acquireFor("urn:thing:2", b.long())
	}},
	{"a finished thing is free", func(b *fixture) {
		_, first := b.acquire()
		b.finish(first, thingstate.Result{})
		if _, second := b.acquire(); second.Token <= first.Token {
			b.Errorf("tokens %d, then %d: they must grow", first.Token, second.Token)
		}
	}},
	{"a lease ends by time", func(b *fixture) {
		_, first := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		if _, second := b.acquire(); second.Token <= first.Token {
			b.Errorf("tokens %d, then %d: they must grow", first.Token, second.Token)
		}
	}},
	{"a lease taken over is lost and writes nothing", func(b *fixture) {
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
	{"a lease taken over and finished stays lost", func(b *fixture) {
		_, first := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		b.record()
		if err := b.store.Finish(b.Context(), first, thingstate.Result{}); !errors.Is(err, thingstate.ErrLeaseLost) {
			b.Errorf("late Finish: %v, want ErrLeaseLost", err)
		}
	}},
	{"a lease that ran out but was not taken over is finished", func(b *fixture) {
		_, l := b.acquireFor(thing, 2*b.Tick)
		b.pass(3)
		b.finish(l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}})
		expectVersion(b, at(1), digest(1))
	}},
	{"a repeated finish changes nothing", func(b *fixture) {
		_, l := b.acquire(intent("Name", 1))
		result := thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{version(1)}, Keys: []string{"key"}}
		b.finish(l, result)
		b.finish(l, result)
		expectVersion(b, at(1), digest(1))
		if r := b.record(); len(r.Versions) != 1 || len(r.Marks) > 0 || len(r.Keys) != 1 {
			b.Errorf("record: %+v", r)
		}
	}},
	{"an ended context writes nothing", func(b *fixture) {
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

// manyOwners counts up a number in each of a few records from many goroutines of
// several replicas.
func manyOwners(b *fixture) {
	const replicas, owners, turns, things = 3, 6, 4, 3
	// One that fails may leave a lease that is never ended: it ends the others' turns too.
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var inside [things]atomic.Int32
	name := func(i int) string { return "urn:thing:" + strconv.Itoa(i%things) }
	turn := func(s thingstate.Store, i int) error {
		r, l, err := s.Acquire(ctx, name(i), b.long(), []thingstate.Intent{intent("Model", i)})
		if err != nil {
			return err
		}
		if n := inside[i%things].Add(1); n > 1 {
			b.Errorf("%d owners of %s at once", n, name(i))
		}
		if len(r.Marks) > 0 {
			b.Errorf("marks of a call that was finished: %+v", r.Marks)
		}
		count := counted(r)
		v := version(count + 1)
		v.Order.MessageID = strconv.Itoa(count + 1)
		inside[i%things].Add(-1)
		return s.Finish(ctx, l, thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{v}})
	}
	var wg sync.WaitGroup
	for replica := range replicas {
		s := b.store
		if replica > 0 {
			s = b.replica()
		}
		for i := range owners {
			wg.Go(func() {
				for done := 0; done < turns; {
					err := turn(s, i)
					if _, held := errors.AsType[*thingstate.HeldError](err); held {
						time.Sleep(min(b.Tick/50, 20*time.Millisecond))
						continue
					}
					if err != nil {
						b.Errorf("turn: %v", err)
						stop()
						return
					}
					done++
				}
			})
		}
	}
	wg.Wait()
	if b.Failed() {
		return
	}
	for i := range things {
		r, _ := b.acquireFor(name(i), b.long())
		if got, want := counted(r), replicas*owners/things*turns; got != want {
			b.Errorf("%s counted to %d, want %d: writes were lost", name(i), got, want)
		}
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
