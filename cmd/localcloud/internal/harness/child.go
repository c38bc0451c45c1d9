package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// patience is how long a child may take to stop: longer than the worker's own limit,
// unless that was set to more.
const patience = 45 * time.Second

// Child is a process of ours.
type Child struct {
	Cmd   *exec.Cmd
	Ended chan struct{} // closed when it has ended and its output is read
	Err   error         // of the process; read after Ended
}

// Start starts a child. read, if any, reads the pipes of cmd until they end.
func Start(cmd *exec.Cmd, read func()) (*Child, error) {
	// A group of its own: Ctrl-C in a terminal reaches the whole group, and the worker
	// would take the SIGTERM of Stop for the second signal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s; build it with: go build -o %[1]s ./cmd/worker", cmd.Path)
		}
		return nil, err
	}
	p := &Child{Cmd: cmd, Ended: make(chan struct{})}
	go func() {
		defer close(p.Ended)
		if read != nil {
			read()
		}
		p.Err = cmd.Wait()
	}()
	return p, nil
}

// Stop tells the child to end and waits until it has. It is killed when patience ends
// or one of the signals comes; killed says why.
func (p *Child) Stop(signals <-chan os.Signal) (killed string) {
	_ = p.Cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.Ended:
		return ""
	case sig := <-signals:
		killed = sig.String() + " again"
	case <-limit.C:
		killed = fmt.Sprintf("it has not ended after %s", patience)
	}
	_ = p.Cmd.Process.Kill()
	<-p.Ended
	return killed
}
