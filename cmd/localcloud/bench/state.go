package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	msg "managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

const stateCommand = "state"

// stateCost is what one store costs.
type stateCost struct {
	acquire, finish latency
	together        float64 // turns (an acquire and a finish) a second with all at once
	perSecond       float64 // messages of the whole worker
	cpu             time.Duration
}

// latency of one operation after the other.
type latency struct{ p50, p99 time.Duration }

// state measures the stores: their two operations alone, and the whole worker with
// each of them.
func state(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	f := flag.NewFlagSet("bench "+stateCommand, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.worker, "worker", "bin/worker", "the worker's binary")
	f.IntVar(&s.messages, "messages", 2000, "messages for distinct things, one call each")
	f.DurationVar(&s.latency, "latency", 5*time.Millisecond, "of an API call")
	f.IntVar(&s.turns, "turns", 300, "turns of the store alone, one after the other and then all at once")
	switch err := f.Parse(args); {
	case err != nil:
		return err
	case f.NArg() > 0 || s.messages < 1 || s.turns < 1 || s.latency < 0:
		return errors.New("no arguments are taken; --messages and --turns must be 1 or more, --latency 0 or more")
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "store\tacquire p50\tp99\tfinish p50\tp99\tturns/s, %d at once\tworker: messages/s\tCPU a message\n", concurrency)
	for _, k := range stateKinds() {
		if k.missing != "" {
			fmt.Fprintf(w, "%s\tnot measured: %s\n", k.name, k.missing)
			continue
		}
		fmt.Fprintln(stderr, k.name)
		c, err := k.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\n", k.name,
			micros(c.acquire.p50), micros(c.acquire.p99), micros(c.finish.p50), micros(c.finish.p99), c.together, c.perSecond, micros(c.cpu))
	}
	return w.Flush()
}

func (k stateKind) measure(ctx context.Context, s settings) (stateCost, error) {
	o, err := k.open(ctx)
	if err != nil {
		return stateCost{}, err
	}
	defer o.close()
	var c stateCost
	if c.acquire, c.finish, err = oneByOne(ctx, o.store, s.turns); err != nil {
		return c, err
	}
	if c.together, err = allAtOnce(ctx, o.store, s.turns); err != nil {
		return c, err
	}
	l := updates(s)
	l.settings = append(l.settings, o.settings...)
	l.patience = 5 * time.Minute
	r, err := runWorker(ctx, s.worker, l, "")
	c.perSecond, c.cpu = float64(s.messages)/r.Elapsed.Seconds(), r.CPU/time.Duration(s.messages)
	return c, err
}

// benchTurn is a turn of thing i, n-th of it: 4 members and one dedup key.
func benchTurn(ctx context.Context, s thingstate.Store, i, n int) (acquire, finish time.Duration, err error) {
	now := time.Now()
	order := &msg.Order{EventTime: now, SentAt: now.Truncate(time.Millisecond), MessageID: fmt.Sprintf("219f8380-5770-4cc2-%04x-%012x", n, i)}
	result := thingstate.Result{Call: thingstate.Succeeded, Keys: []string{order.MessageID}}
	var intents []thingstate.Intent
	for _, member := range []string{"Name", "Model", "MetaData", "HubNetworkMode"} {
		intents = append(intents, thingstate.Intent{Member: member, Order: order})
		result.Applied = append(result.Applied, thingstate.Version{Member: member, Order: order})
	}
	_, l, err := s.Acquire(ctx, thing(i), time.Minute, intents)
	acquired := time.Now()
	if err == nil {
		err = s.Finish(ctx, l, result)
	}
	return acquired.Sub(now), time.Since(acquired), err
}

// benchThings are the things of the store alone.
const benchThings = 200

func oneByOne(ctx context.Context, s thingstate.Store, turns int) (acquire, finish latency, err error) {
	var acquires, finishes []time.Duration
	for n := range turns {
		a, f, err := benchTurn(ctx, s, n%benchThings, n)
		if err != nil {
			return acquire, finish, err
		}
		acquires, finishes = append(acquires, a), append(finishes, f)
	}
	return percentiles(acquires), percentiles(finishes), nil
}

func percentiles(all []time.Duration) latency {
	slices.Sort(all)
	return latency{all[len(all)/2], all[len(all)*99/100]}
}

// allAtOnce returns turns a second of many goroutines, each with things of its own.
func allAtOnce(ctx context.Context, s thingstate.Store, turns int) (float64, error) {
	each := max(1, turns/concurrency)
	failed := make(chan error, concurrency)
	began := time.Now()
	var loops sync.WaitGroup
	for owner := range concurrency {
		loops.Go(func() {
			for n := range each {
				if _, _, err := benchTurn(ctx, s, 1_000_000+owner*benchThings+n%3, n); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	loops.Wait()
	close(failed)
	return float64(each*concurrency) / time.Since(began).Seconds(), <-failed
}
