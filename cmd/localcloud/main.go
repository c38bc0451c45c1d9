// Command localcloud runs SQS and UpdateManagedThing in memory on one address,
// for development. Everything is gone when it ends.
//
// Flags:
//
//	--addr ADDR        where it listens (127.0.0.1:4566)
//	--queue NAME       a queue, made with the dead-letter queue NAME-dlq; repeatable
//	--fifo             the queues are FIFO queues (".fifo" is added to their names)
//	--max-receives N   receives before SQS itself moves a message to NAME-dlq (1000)
//	--quota N          API calls a second; 0 is no limit (10)
//	--burst N          the quota's bucket; 0 is one second's worth
//	--latency D        of an API call (50ms)
//	--seed N           of ids and random faults (1)
//	--semantics WORD   of MetaData and its like: replace or merge (replace)
//
// GET /_cloud/ says what else can be asked and changed while it runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"managed-thing-updater/internal/localcloud"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "localcloud:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "localcloud:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("see localcloud --help")

type settings struct {
	addr        string
	queues      []string
	fifo        bool
	maxReceives int
	semantics   string
	cloud       localcloud.Options
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("localcloud", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.addr, "addr", "127.0.0.1:4566", "where it listens")
	f.Func("queue", "a queue, made with the dead-letter queue `NAME`-dlq; repeatable", func(name string) error {
		s.queues = append(s.queues, name)
		return nil
	})
	f.BoolVar(&s.fifo, "fifo", false, "the queues are FIFO queues")
	f.IntVar(&s.maxReceives, "max-receives", 1000, "receives before SQS itself moves a message to the dead-letter queue, 1 to 1000")
	f.Float64Var(&s.cloud.Quota, "quota", 10, "API calls a second; 0 is no limit")
	f.Float64Var(&s.cloud.Burst, "burst", 0, "the quota's bucket; 0 is one second's worth")
	f.DurationVar(&s.cloud.Latency, "latency", 50*time.Millisecond, "of an API call")
	f.Uint64Var(&s.cloud.Seed, "seed", 1, "of ids and random faults")
	f.StringVar(&s.semantics, "semantics", localcloud.Replace, "of MetaData and its like: replace or merge")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s, err
	case err != nil:
		return s, fmt.Errorf("%w: %w", err, errUsage)
	case f.NArg() > 0:
		return s, fmt.Errorf("no arguments are taken, got %q: %w", f.Args(), errUsage)
	case s.semantics != localcloud.Replace && s.semantics != localcloud.Merge:
		return s, fmt.Errorf("--semantics: %q is neither replace nor merge: %w", s.semantics, errUsage)
	case s.maxReceives < 1 || s.maxReceives > 1000:
		return s, fmt.Errorf("--max-receives: %d is not between 1 and 1000: %w", s.maxReceives, errUsage)
	}
	return s, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	base := "http://" + listener.Addr().String()
	s.cloud.BaseURL = base
	cloud := localcloud.New(s.cloud)
	cloud.Things.Semantics = s.semantics
	announce(stdout, cloud, s, base)

	server := &http.Server{
		Handler: cloud.Handler(), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(stderr, "localcloud: ", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	_ = server.Close() // long polls are not waited for
	<-ended
	return nil
}

// letterRetention is SQS's longest: letters are to outlast messages.
const letterRetention = 14 * 24 * time.Hour

// announce makes the queues and says what stands, with the environment that
// points the worker and the aws command at it.
func announce(w io.Writer, cloud *localcloud.Cloud, s settings, base string) {
	fmt.Fprintf(w, "# the local cloud listens on %s (help: %s/_cloud/), API quota %g calls/s, latency %s\n", base, base, s.cloud.Quota, s.cloud.Latency)
	first := ""
	for _, name := range s.queues {
		name = strings.TrimSuffix(name, ".fifo")
		dlq := cloud.SQS.CreateQueue(name+"-dlq", localcloud.QueueOptions{FIFO: s.fifo, Retention: letterRetention})
		url := cloud.SQS.CreateQueue(name, localcloud.QueueOptions{FIFO: s.fifo, DLQ: dlq, MaxReceiveCount: s.maxReceives})
		fmt.Fprintf(w, "# queue %s, dead letters in %s\n", url, dlq)
		if first == "" {
			first = url
		}
	}
	fmt.Fprintf(w, "export AWS_ACCESS_KEY_ID=AKIDLOCAL AWS_SECRET_ACCESS_KEY=local-secret AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1\n")
	fmt.Fprintf(w, "export AWS_ENDPOINT_URL_SQS=%s AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=%s\n", base, base)
	if first != "" {
		fmt.Fprintf(w, "export WORKER_QUEUE_URL=%s\n", first)
	}
}
