package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// What the local cloud takes as a signature.
const (
	accessKey = "AKIDLOCAL"
	secretKey = "local-secret"
	region    = "eu-west-1"
)

// cloud is a local cloud of one run, on a free port.
type cloud struct {
	*localcloud.Cloud
	base   string // URL
	queue  string // URL
	server *http.Server
	served chan struct{} // closed when the server has ended
}

func startCloud(latency time.Duration) (*cloud, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	base := "http://" + listener.Addr().String()
	c := &cloud{
		Cloud: localcloud.New(localcloud.Options{
			Seed: 1, Region: region, AccessKey: accessKey, SecretKey: secretKey, Latency: latency, BaseURL: base,
		}),
		base: base, served: make(chan struct{}),
	}
	c.Things.Record = false
	dlq := c.SQS.CreateQueue("bench-dlq", localcloud.QueueOptions{})
	c.queue = c.SQS.CreateQueue("bench", localcloud.QueueOptions{DLQ: dlq, MaxReceiveCount: 1000})
	c.server = &http.Server{Handler: c.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener)
	}()
	return c, nil
}

func (c *cloud) close() {
	_ = c.server.Close()
	<-c.served
}

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

// wait returns when done is true, with an error where that will not come: the
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

// environment is that of the children: nothing of the person's own AWS and
// worker settings.
func environment(c *cloud) []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=" + region,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_SQS=" + c.base, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=" + c.base,
		"WORKER_QUEUE_URL=" + c.queue,
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "WORKER_") {
			env = append(env, v)
		}
	}
	return env
}
