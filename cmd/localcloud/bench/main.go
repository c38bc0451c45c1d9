// Command bench measures the worker as a whole: a process of its own, against a
// local cloud in this one, so that the cloud's CPU and memory do not count.
//
// Two loads:
//
//	updates   many small messages for distinct things. The worker's CPU a message
//	          is held against the floor: the same PUTs sent by a bare loop with
//	          net/http and the SDK's signer, also a process of its own. The two
//	          take turns in the same run; medians count. The floor runs on as
//	          many CPUs as Go takes, the worker on the one it takes; GOMAXPROCS
//	          is for both.
//	bodies    messages of 900 KiB under WORKER_MAX_HELD_BYTES=64MiB: peak memory.
//
// All of a process counts, its start and its end as well.
//
// What one can touch:
//
//	--worker PATH      the worker's binary (bin/worker)
//	--messages N       of the load updates (10000)
//	--rounds N         how often floor and worker take turns (5)
//	--latency D        of an API call (5ms)
//	--bodies N         messages of the load bodies (300)
//	--json             print the numbers as JSON
//	--profile FILE     write a CPU profile of the worker in the last round; its
//	                   numbers do not count then
//
// "bench state" measures the state stores instead, each that is there, and prints a
// table: what Acquire and Finish take, and the worker's messages a second. --help
// says what one can touch.
//
// Exit codes: 0 all within the bounds; 1 a bound is broken; 2 usage, or it could
// not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type settings struct {
	worker   string
	messages int
	rounds   int
	latency  time.Duration
	bodies   int
	json     bool
	profile  string
	turns    int // of the command state
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	var err error
	name, within := "bench:", true
	switch command {
	case floorCommand:
		name = "bench: floor:"
		err = floor(ctx, args[1:])
	case stateCommand:
		name = "bench: state:"
		err = state(ctx, args[1:], stdout, stderr)
	default:
		within, err = compare(ctx, args, stdout, stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, name, err)
		return 2
	case !within:
		return 1
	}
	return 0
}

// compare measures the worker beside the floor, and reports whether all is within the
// bounds.
func compare(ctx context.Context, args []string, stdout, stderr io.Writer) (within bool, err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return false, err
	}
	r, err := measure(ctx, s, stderr)
	if err != nil {
		return false, err
	}
	if s.json {
		return r.Within, r.writeJSON(stdout)
	}
	return r.Within, r.writeTable(stdout)
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.worker, "worker", "bin/worker", "the worker's binary")
	f.IntVar(&s.messages, "messages", 10_000, "messages of the load updates")
	f.IntVar(&s.rounds, "rounds", 5, "how often floor and worker take turns")
	f.DurationVar(&s.latency, "latency", 5*time.Millisecond, "of an API call")
	f.IntVar(&s.bodies, "bodies", 300, "messages of 900 KiB")
	f.BoolVar(&s.json, "json", false, "print the numbers as JSON")
	f.StringVar(&s.profile, "profile", "", "write a CPU profile of the worker in the last round to this `FILE`")
	switch err := f.Parse(args); {
	case err != nil:
		return s, err
	case f.NArg() > 0:
		return s, fmt.Errorf("no arguments are taken, got %q", f.Args())
	case s.messages < 1 || s.rounds < 1 || s.bodies < 1 || s.latency < 0:
		return s, errors.New("--messages, --rounds and --bodies must be 1 or more, --latency 0 or more")
	}
	return s, nil
}

// measure runs both loads. Progress goes to w.
func measure(ctx context.Context, s settings, w io.Writer) (*report, error) {
	r := &report{Messages: s.messages, Bodies: s.bodies}
	for n := range s.rounds {
		bare, err := runFloor(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		profile := ""
		if n == s.rounds-1 {
			profile = s.profile
		}
		full, err := runWorker(ctx, s.worker, updates(s), profile)
		if err != nil {
			return nil, fmt.Errorf("worker: %w", err)
		}
		fmt.Fprintf(w, "round %d of %d: floor %s, worker %s of CPU a message\n",
			n+1, s.rounds, micros(bare.CPU/time.Duration(s.messages)), micros(full.CPU/time.Duration(s.messages)))
		r.Rounds = append(r.Rounds, round{Floor: bare, Worker: full})
	}
	fmt.Fprintf(w, "%d messages of 900 KiB\n", s.bodies)
	large, err := runWorker(ctx, s.worker, bodies(s), "")
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	r.Large = large
	r.judge()
	return r, nil
}
