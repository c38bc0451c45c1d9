package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestRun starts the program on a free port, finds it by what it prints, and
// stops it.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--addr", "127.0.0.1:0", "--queue", "updates", "--fifo"}, in, io.Discard)
		_ = in.Close()
	}()
	var printed strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(printed.String(), "WORKER_QUEUE_URL=") {
		n, err := out.Read(buf)
		printed.Write(buf[:n])
		if err != nil {
			t.Fatalf("printed %q, then %v: %v", printed.String(), err, <-ended)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the pipe
	_, url, _ := strings.Cut(printed.String(), "AWS_ENDPOINT_URL_SQS=")
	url = strings.Fields(url)[0]
	if !strings.Contains(printed.String(), url+"/000000000000/updates.fifo, dead letters in "+url+"/000000000000/updates-dlq.fifo") {
		t.Errorf("printed %q", printed.String())
	}
	resp, err := http.Get(url + "/_cloud/state")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("state: %s", resp.Status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"--nope"}, {"x"}, {"--semantics", "both"}, {"--max-receives", "0"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
