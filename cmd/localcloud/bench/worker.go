package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
)

// run is one run of a child.
type run struct {
	Elapsed  time.Duration `json:"elapsed_ns"` // the worker's: from its first receive to the last answer
	CPU      time.Duration `json:"cpu_ns"`     // user and system
	Calls    int           `json:"calls"`
	Requests int           `json:"sqs_requests,omitzero"`
	Mallocs  int64         `json:"allocations,omitzero"`
	Peak     int64         `json:"peak_bytes,omitzero"` // 0: the system does not say
}

// adminToken opens the profiles of a worker of ours, on a free port of this host.
const adminToken = "bench"

// runWorker lets the worker settle a load that is in the queue before it starts.
func runWorker(ctx context.Context, path string, l load, profile string) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	c, err := startCloud(l.latency)
	if err != nil {
		return run{}, err
	}
	defer c.Close()
	l.feed(c)
	admin, err := harness.FreeAddress(anyAddress)
	if err != nil {
		return run{}, err
	}
	// Short polls: a drain waits for the open ones.
	settings := append(l.settings, "WORKER_WAIT_TIME=1s", "WORKER_ADMIN_ADDR="+admin, "WORKER_LOG_LEVEL=warn")
	if profile != "" {
		settings = append(settings, "WORKER_ADMIN_TOKEN="+adminToken)
	}
	p, err := start(path, []string{"run"}, c.environment(settings...))
	if err != nil {
		return run{}, err
	}
	r, err := watchWorker(ctx, p, c, l, admin, profile)
	if stopped := p.stop(); err != nil || stopped != nil {
		return run{}, errors.Join(err, stopped)
	}
	r.CPU = p.cpu()
	return r, nil
}

func watchWorker(ctx context.Context, p *child, c *cloud, l load, admin, profile string) (run, error) {
	if err := wait(ctx, p.Ended, func() bool { return c.SQS.Requests()["ReceiveMessage"] > 0 }); err != nil {
		return run{}, err
	}
	began := time.Now()
	profiled := make(chan error, 1)
	if profile != "" {
		go func() { profiled <- saveProfile(ctx, admin, profile) }()
	}
	if err := wait(ctx, p.Ended, func() bool { return c.applied() >= l.messages }); err != nil {
		return run{}, err
	}
	r := run{Elapsed: time.Since(began)}
	// Deletes that fill no batch follow a moment later.
	if err := wait(ctx, p.Ended, func() bool { return c.SQS.Len(c.queue) == 0 }); err != nil {
		return run{}, err
	}
	r.Calls, r.Requests, r.Peak = c.calls(), c.sqsRequests(), p.peak()
	mallocs, err := scrape(ctx, admin, "go_memstats_mallocs_total")
	r.Mallocs = int64(mallocs)
	if profile != "" {
		err = errors.Join(err, <-profiled)
	}
	return r, err
}

// scrape reads one metric without labels.
func scrape(ctx context.Context, admin, name string) (float64, error) {
	text, err := get(ctx, "http://"+admin+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

// profileSeconds is how long a profile is taken: about as long as a round.
const profileSeconds = 3

func saveProfile(ctx context.Context, admin, file string) error {
	profile, err := get(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", admin, profileSeconds))
	if err != nil {
		return err
	}
	return os.WriteFile(file, profile, 0o644)
}

func get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}
