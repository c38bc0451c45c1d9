package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/localcloud"
)

// cloud is a local cloud of one run, on a free port.
type cloud struct {
	*harness.Cloud
	queue string // URL
}

func startCloud(latency time.Duration) (*cloud, error) {
	served, err := harness.Listen(anyAddress, localcloud.Options{Seed: 1, Latency: latency})
	if err != nil {
		return nil, err
	}
	c := &cloud{Cloud: served}
	c.Things.Record = false
	dlq := c.SQS.CreateQueue("bench-dlq", localcloud.QueueOptions{})
	c.queue = c.SQS.CreateQueue("bench", localcloud.QueueOptions{DLQ: dlq, MaxReceiveCount: 1000})
	c.Serve(c.Handler())
	return c, nil
}

const anyAddress = "127.0.0.1:0"

func (c *cloud) applied() int { return c.Things.Counts()["204"] }

func (c *cloud) calls() int { return total(c.Things.Counts()) }

func (c *cloud) sqsRequests() int { return total(c.SQS.Requests()) }

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// wait returns when done is true, with an error if that will not come: the
// process has ended, or ctx has.
func wait(ctx context.Context, ended <-chan struct{}, done func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not done in time: %w", context.Cause(ctx))
		case <-ended:
			return errors.New("the process ended before its work was done")
		case <-tick.C:
		}
	}
	return nil
}

// environment is that of the children: nothing of the person's own AWS and worker
// settings.
func (c *cloud) environment(settings ...string) []string {
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WORKER_") })
	return c.Environment(inherited, c.queue, settings...)
}
