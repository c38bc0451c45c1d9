package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a process that is measured.
type child struct {
	cmd   *exec.Cmd
	out   bytes.Buffer  // what it says; read after ended
	ended chan struct{} // closed when it has ended
	err   error         // read after ended
}

func start(path string, args, env []string) (*child, error) {
	p := &child{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	// A group of its own: Ctrl-C in a terminal is for this process, which stops
	// the child itself.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s; build it with: make build", path)
		}
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// stopPatience is how long a child may take to stop: longer than the worker's own limit.
const stopPatience = 40 * time.Second

// stop ends the child in order, or kills it where that takes too long.
func (p *child) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	limit := time.NewTimer(stopPatience)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return p.result()
}

// result is the child's error with the last of what it said; call it after ended.
func (p *child) result() error {
	if p.err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	return fmt.Errorf("%w; the last it said: %s", p.err, lines[len(lines)-1])
}

// cpu is the time that the child spent in user and system mode; after it ended.
func (p *child) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// peak is the most memory that the child has had resident, in bytes, so far; 0
// where the system does not say (other than Linux). It is not taken from rusage:
// that counts what the parent had before the child became a program of its own.
func (p *child) peak() int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
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
