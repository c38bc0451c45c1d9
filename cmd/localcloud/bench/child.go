package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
)

// child is a process that is measured.
type child struct {
	*harness.Child
	out bytes.Buffer // what it says; read after it ended
}

func start(path string, args, env []string) (*child, error) {
	p := new(child)
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &p.out, &p.out
	var err error
	p.Child, err = harness.Start(cmd, nil)
	return p, err
}

// stop ends the child in order and returns its error.
func (p *child) stop() error {
	p.Stop(nil)
	return p.result()
}

// result is the child's error with the last of what it said; call it after it ended.
func (p *child) result() error {
	if p.Err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	return fmt.Errorf("%w; the last it said: %s", p.Err, lines[len(lines)-1])
}

// cpu is the time that the child spent in user and system mode; after it ended.
func (p *child) cpu() time.Duration {
	return p.Cmd.ProcessState.UserTime() + p.Cmd.ProcessState.SystemTime()
}

// peak is the most memory that the child has had resident, in bytes, so far; 0
// if the system does not say (other than Linux). It is not taken from rusage:
// that counts what the parent had before the child became a program of its own.
func (p *child) peak() int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.Cmd.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
