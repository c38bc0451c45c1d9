package observability

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build builds programs of the project at root into a folder.
func build(t *testing.T, root, folder string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-C", root, "-o", filepath.Join(folder, filepath.Base(program)), "./cmd/"+program)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", program, err, out)
		}
	}
}

// demo is what make run starts: a worker at work against a local cloud.
type demo struct {
	admin string // the worker's address
	cloud string // the local cloud's URL
}

// startDemo runs it until the end of the test.
func startDemo(t *testing.T, folder string, environment ...string) demo {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "demo"), "--worker", filepath.Join(folder, "worker"), "--addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), environment...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it stops its worker
	cmd.WaitDelay = time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	t.Cleanup(func() {
		<-read // the context of the test has ended, and the demo with it
		_ = cmd.Wait()
	})
	var d demo
	lines := bufio.NewScanner(out)
	cloud, admin := regexp.MustCompile(`local cloud +(http://\S+)`), regexp.MustCompile(`http://(\S+)/metrics`)
	for d.admin == "" && lines.Scan() {
		if found := cloud.FindStringSubmatch(lines.Text()); found != nil {
			d.cloud = found[1]
		}
		if found := admin.FindStringSubmatch(lines.Text()); found != nil {
			d.admin = found[1]
		}
	}
	go func() {
		defer close(read)
		for lines.Scan() {
		}
	}()
	if d.admin == "" || d.cloud == "" {
		t.Fatalf("the demo did not say where its worker and its cloud are: %v", lines.Err())
	}
	return d
}

// page waits for the worker's metrics.
func (d demo) page(t *testing.T) Page {
	t.Helper()
	var page Page
	until(t, 30*time.Second, "the worker is at work", func() error {
		text, err := get("http://" + d.admin + "/metrics")
		if err != nil {
			return err
		}
		if !strings.Contains(text, "\nworker_rate ") {
			return fmt.Errorf("it starts")
		}
		page, err = ReadPage(text)
		return err
	})
	return page
}

// faults sets the shares of calls that the local cloud answers with a failure.
func (d demo) faults(t *testing.T, rates string) {
	t.Helper()
	resp, err := http.Post(d.cloud+"/_cloud/faults", "application/json", strings.NewReader(rates))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("faults: %s", resp.Status)
	}
}

// start runs a program until the end of the test; what it says is told where that failed.
func start(t *testing.T, environment []string, program string, arguments ...string) *said {
	t.Helper()
	text := &said{}
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = text
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Wait(); t.Failed() {
			t.Logf("%s: %v\n%.4000s", filepath.Base(program), err, text.String())
		}
	})
	return text
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, bytes.TrimSpace(text))
	}
	return string(text), err
}

// until polls for a state of other processes.
func until(t *testing.T, atMost time.Duration, what string, reached func() error) {
	t.Helper()
	for end := time.Now().Add(atMost); ; time.Sleep(200 * time.Millisecond) {
		err := reached()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s: %v", atMost, what, err)
		}
	}
}
