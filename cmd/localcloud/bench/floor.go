package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const floorCommand = "floor"

// floor sends the calls of the load updates, with nothing around them: what any
// program in Go would spend on them.
func floor(ctx context.Context, args []string) error {
	f := flag.NewFlagSet(floorCommand, flag.ContinueOnError)
	n := f.Int("messages", 0, "calls to make")
	if err := f.Parse(args); err != nil {
		return err
	}
	base := os.Getenv("AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS")
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: concurrency, MaxIdleConnsPerHost: concurrency}}
	signer := v4.NewSigner()
	credentials := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}

	put := func(i int) error {
		body := []byte(request(i))
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"/managed-things/"+thing(i), bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		digest := sha256.Sum256(body)
		if err := signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(digest[:]), "iotmanagedintegrations", os.Getenv("AWS_REGION"), time.Now()); err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusNoContent {
			return errors.New(answer.Status)
		}
		return nil
	}

	var next atomic.Int64
	var loops sync.WaitGroup
	failed := make(chan error, concurrency)
	for range concurrency {
		loops.Go(func() {
			for i := int(next.Add(1)) - 1; i < *n; i = int(next.Add(1)) - 1 {
				if err := put(i); err != nil {
					failed <- fmt.Errorf("call %d: %w", i, err)
					return
				}
			}
		})
	}
	loops.Wait()
	close(failed)
	return <-failed // nil if none did
}

// runFloor runs the floor as a process of its own.
func runFloor(ctx context.Context, s settings) (run, error) {
	c, err := startCloud(s.latency)
	if err != nil {
		return run{}, err
	}
	defer c.Close()
	self, err := os.Executable()
	if err != nil {
		return run{}, err
	}
	began := time.Now()
	p, err := start(self, []string{floorCommand, "--messages", strconv.Itoa(s.messages)}, c.environment())
	if err != nil {
		return run{}, err
	}
	select {
	case <-p.Ended:
	case <-ctx.Done():
		_ = p.stop()
		return run{}, context.Cause(ctx)
	}
	r := run{Elapsed: time.Since(began), CPU: p.cpu(), Calls: c.calls()}
	if err := p.result(); err != nil {
		return run{}, err
	}
	if n := c.applied(); n != s.messages {
		return run{}, fmt.Errorf("%d of %d calls were applied", n, s.messages)
	}
	return r, nil
}
