// Command demo shows the worker at work: it starts the local cloud in itself and
// the worker as its child, feeds the queue with the messages of a made-up fleet,
// shows once a second how far things are, and at the end checks that everything
// that was sent is accounted for and every thing is as its newest event says.
//
// What one can touch:
//
//	--worker PATH      the worker's binary (bin/worker)
//	--addr ADDR        where the local cloud listens (127.0.0.1:4566, or a free port if that is taken)
//	--rate N           messages sent a second (25)
//	--burst N          messages sent at once at the start (150)
//	--messages N       end by itself when N are sent and all are settled; 0: run until Ctrl-C
//	--things N         things in the fleet (200)
//	--fifo             FIFO queues
//	--seed N           of the fleet and the faults (1)
//	--quota N          API calls a second (10)
//	--latency D        of an API call (40ms)
//	--unavailable P    share of API calls answered with 503 (0.02)
//
// WORKER_… variables reach the worker, but for those that the demo sets itself:
// queue, log, and the admin address and token. NO_COLOR switches colours off; if
// standard output is no terminal there is a line a second.
//
// Ctrl-C stops feeding, lets the worker drain, and prints the sums; a second one
// stops at once.
//
// Exit codes: 0 all adds up; 1 it does not; 2 usage, or it could not start.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// settings are the flags.
type settings struct {
	worker      string
	addr        string
	rate        float64
	burst       int
	messages    int
	things      int
	fifo        bool
	seed        uint64
	quota       float64
	latency     time.Duration
	unavailable float64
}

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }

func execute(args []string, stdout io.Writer, stderr io.Writer) int {
	var s settings
	addsUp := true
	cmd := &cobra.Command{
		Use:           "demo",
		Short:         "the worker at work, against a local cloud and a made-up fleet",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(*cobra.Command, []string) (err error) {
			if err = s.check(); err == nil {
				addsUp, err = run(s, newScreen(stdout))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.worker, "worker", "bin/worker", "the worker's binary")
	f.StringVar(&s.addr, "addr", "127.0.0.1:4566", "where the local cloud listens, or a free port if that is taken")
	f.Float64Var(&s.rate, "rate", 25, "messages sent a second, up to 10000")
	f.IntVar(&s.burst, "burst", 150, "messages sent at once at the start")
	f.IntVar(&s.messages, "messages", 0, "end by itself when so many are sent and all are settled; 0: run until Ctrl-C")
	f.IntVar(&s.things, "things", 200, "things in the fleet, 20 or more")
	f.BoolVar(&s.fifo, "fifo", false, "FIFO queues")
	f.Uint64Var(&s.seed, "seed", 1, "of the fleet and the faults")
	f.Float64Var(&s.quota, "quota", 10, "API calls a second; 0: no limit")
	f.DurationVar(&s.latency, "latency", 40*time.Millisecond, "of an API call")
	f.Float64Var(&s.unavailable, "unavailable", 0.02, "share of API calls answered with 503, 0 to 1")
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	switch err := cmd.Execute(); {
	case err != nil:
		fmt.Fprintln(stderr, "demo:", err)
		return 2
	case !addsUp:
		return 1
	}
	return 0
}

func (s settings) check() error {
	var faults []error
	for _, rule := range []struct {
		holds      bool
		flag, must string
		got        any
	}{
		{s.rate > 0 && s.rate <= 10000, "rate", "more than 0 and at most 10000", s.rate},
		{s.burst >= 0, "burst", "0 or more", s.burst},
		{s.messages >= 0, "messages", "0 or more", s.messages},
		{s.things >= 20, "things", "20 or more", s.things},
		{s.quota >= 0, "quota", "0 or more", s.quota},
		{s.latency >= 0, "latency", "0 or more", s.latency},
		{s.unavailable >= 0 && s.unavailable <= 1, "unavailable", "from 0 to 1", s.unavailable},
	} {
		if !rule.holds {
			faults = append(faults, fmt.Errorf("--%s: must be %s, got %v", rule.flag, rule.must, rule.got))
		}
	}
	return errors.Join(faults...)
}

// run starts everything, watches it until it ends, and reports whether all adds
// up. An error says that it could not start.
func run(s settings, out *screen) (addsUp bool, err error) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	c, err := startCloud(s)
	if err != nil {
		return false, err
	}
	defer c.Close()
	w, err := startWorker(s, c, out)
	if err != nil {
		return false, err
	}
	out.introduce(s, c, w)

	started := time.Now()
	feeding, stopFeeding := context.WithCancel(context.Background())
	var feeder sync.WaitGroup
	feeder.Go(func() { feed(feeding, s, c) })
	why := watch(s, c, w, out, signals)
	stopFeeding()
	feeder.Wait()
	out.end()

	out.say("\n" + why + "; stopping")
	if killed := w.Stop(signals); killed != "" {
		out.say(killed + ": the worker was killed")
	}
	return account(c, w, time.Since(started), out), nil
}

// watch shows how far things are, once a second, until the worker ends, a signal
// comes, or all that was to be sent is settled. It returns which.
func watch(s settings, c *cloud, w *worker, out *screen, signals <-chan os.Signal) string {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-w.Ended:
			return "the worker has ended by itself"
		case sig := <-signals:
			return sig.String()
		case <-tick.C:
		}
		status, err := w.status()
		sent := c.sent.sums()
		out.show(sent.all(), c.depth(), status, err)
		if s.messages > 0 && sent.fleet >= s.messages && c.depth() == 0 {
			return fmt.Sprintf("all of %d messages are settled", sent.all())
		}
	}
}
