package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// requireStandIns is the variable that makes a missing stand-in a failure. So
// does CI=true.
const requireStandIns = "E2E_REQUIRE_STANDINS"

// standIn is an SQS that this project did not write.
type standIn struct {
	name    string
	command []string // writes its URL to standard output or standard error, ends with standard input
	dir     string
	needs   string // in words: what is missing, or empty
	install string
}

func fauxqs() standIn {
	s := standIn{
		name: "fauxqs", command: []string{"node", "serve.mjs"}, dir: filepath.Join("..", "..", "test", "fauxqs"),
		install: "install Node.js 18.19 or later with npm, then run npm ci in test/fauxqs",
	}
	if _, err := exec.LookPath("node"); err != nil {
		s.needs = "no node command"
	} else if _, err := os.Stat(filepath.Join(s.dir, "node_modules", "fauxqs")); err != nil {
		s.needs = "test/fauxqs is not installed"
	}
	return s
}

func moto() standIn {
	s := standIn{
		name: "moto", install: "pip install 'moto[server]'",
		// The shell ends moto when the tests are gone, however they ended.
		command: []string{"sh", "-c", `moto_server -H 127.0.0.1 -p 0 2>&1 & cat >/dev/null; kill $!; wait`},
	}
	if _, err := exec.LookPath("moto_server"); err != nil {
		s.needs = "no moto_server command"
	}
	return s
}

// A case runs the worker between one stand-in for SQS and the local cloud's API.
type standInCase struct {
	name   string
	run    func(o *outside, t *testing.T)
	layout outsideLayout
	cannot map[string]string // stand-ins that cannot serve it, and why
}

// TestStandIns runs the worker over the network against SQS as others understand
// it: our own stand-in could share a misunderstanding with the worker. Real time
// and real sockets, so these are few.
func TestStandIns(t *testing.T) {
	cases := slices.Concat(wrappingCases, letterCases, leaseCases, fifoCases, loadCases)
	for _, s := range []standIn{fauxqs(), moto()} {
		t.Run(s.name, func(t *testing.T) {
			s.skipUnlessThere(t)
			t.Parallel()
			endpoint := s.start(t)
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					if why, ok := c.cannot[s.name]; ok {
						t.Skipf("%s cannot serve this: %s", s.name, why)
					}
					t.Parallel()
					c.run(newOutside(t, s.name, endpoint, c.layout), t)
				})
			}
		})
	}
}

func (s standIn) skipUnlessThere(t *testing.T) {
	t.Helper()
	switch {
	case s.needs == "":
	case os.Getenv("CI") == "true" || os.Getenv(requireStandIns) == "1":
		t.Fatalf("%s: %s", s.needs, s.install)
	default:
		t.Skipf("%s: %s", s.needs, s.install)
	}
}

// listening finds where a stand-in says it listens.
var listening = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// startsWithin bounds a stand-in's start, on a machine that does much else.
const startsWithin = time.Minute

// start runs the stand-in until the end of the test and returns its URL.
func (s standIn) start(t *testing.T) string {
	t.Helper()
	process := exec.Command(s.command[0], s.command[1:]...)
	process.Dir = s.dir
	process.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	stdin, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stdout, process.Stderr = writer, writer
	if err := process.Start(); err != nil {
		t.Fatalf("%s does not start: %v; %s", s.name, err, s.install)
	}
	_ = writer.Close() // the process has its own
	found := make(chan string, 1)
	read := make(chan struct{})
	go func() { // ends with the process, whose output it reads to the end
		defer close(read)
		defer close(found)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if url := listening.FindString(lines.Text()); url != "" {
				found <- url
				break
			}
		}
		_, _ = io.Copy(io.Discard, output)
	}()
	t.Cleanup(func() {
		_ = stdin.Close() // it ends by that
		last := time.AfterFunc(10*time.Second, func() { _ = process.Process.Kill() })
		defer last.Stop()
		_ = process.Wait()
		<-read
		_ = output.Close()
	})
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatalf("%s ended at its start; run it by hand to see why: %v in %q", s.name, s.command, s.dir)
		}
		return url
	case <-time.After(startsWithin):
		t.Fatalf("%s does not listen after %v", s.name, startsWithin)
	}
	return ""
}
