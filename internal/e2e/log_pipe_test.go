package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// unread starts a worker whose standard error is a pipe. Nobody reads it before the
// test does.
func (s *server) unread(settings ...string) (p *process, log *os.File) {
	s.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = read.Close() })
	p = s.prepare([]string{"run"}, settings...)
	p.cmd.Stderr = write
	s.launch(p)
	_ = write.Close() // the worker has its own
	return p, read
}

// wantFinished checks that nothing is hidden and nothing lost: of the messages that
// were sent each is applied, a letter, or visible in its queue.
func (s *server) wantFinished(sent int) {
	s.t.Helper()
	s.wantNothingInFlight()
	if all := len(s.cloud.Things.IDs()) + len(s.letters()) + s.cloud.SQS.Len(s.queue); all != sent {
		s.t.Errorf("%d of %d messages are applied, letters or in the queue", all, sent)
	}
}

func TestALogThatNobodyReadsStopsNeitherTheWorkNorTheDrain(t *testing.T) {
	inRealTime(t)
	s := newServer(t, buildWorker(t), layout{})
	for range 1500 {
		s.send("unreadable")
	}
	p, _ := s.unread("WORKER_SHUTDOWN_TIMEOUT=6s", "WORKER_LOG_LEVEL=debug")
	s.eventually("all letters are stored", 20*time.Second, func() bool { return len(s.letters()) == 1500 })
	s.sendNames("thing", 200)
	s.eventually("the worker goes on", 20*time.Second, func() bool { return len(s.cloud.Things.IDs()) > 20 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(p, 7*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.wantFinished(1700)
}

func TestALogThatIsReadAgainSaysWhatWasDropped(t *testing.T) {
	inRealTime(t)
	s := newServer(t, buildWorker(t), layout{})
	for range 3000 {
		s.send("unreadable")
	}
	p, log := s.unread("WORKER_LOG_LEVEL=debug")
	s.eventually("all letters are stored", 30*time.Second, func() bool { return len(s.letters()) == 3000 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	dropped, last := 0, ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		last = lines.Text()
		if strings.Contains(last, `"msg":"log lines were dropped`) {
			dropped++
		}
		if !json.Valid([]byte(last)) {
			t.Errorf("a line is torn: %s", last)
		}
	}
	if code := s.exit(p, 20*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if dropped != 1 || !strings.Contains(last, `"msg":"stopped"`) || !strings.Contains(last, `"stranded":0`) {
		t.Errorf("%d lines say that lines were dropped, want 1; the last line is %s", dropped, last)
	}
}

func TestALogPipeThatClosesDoesNotEndTheProcess(t *testing.T) {
	inRealTime(t)
	s := newServer(t, buildWorker(t), layout{cloud: localcloud.Options{Latency: 20 * time.Millisecond}})
	s.sendNames("thing", 300)
	p, log := s.unread("WORKER_RATE_START=50")
	s.eventually("it works", 20*time.Second, func() bool { return len(s.cloud.Things.IDs()) > 5 })
	_ = log.Close()
	for n := range 20 { // each has its line
		s.send(fmt.Sprintf("unreadable %d", n))
	}
	s.eventually("the letters are stored", 20*time.Second, func() bool { return len(s.letters()) == 20 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(p, 20*time.Second); code != 0 {
		t.Errorf("exit code %d (-1: a signal ended it)", code)
	}
	s.wantFinished(320)
}
