package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// TestWorkerProcess is about what only a real process can show: that it is killed,
// what it does on signals, its exit code and what it writes. The cloud is served
// on a socket, and time is real.
func TestWorkerProcess(t *testing.T) {
	inRealTime(t)
	program := buildWorker(t)
	t.Run("killed again and again", func(t *testing.T) {
		seeds(t, 1, func(t *testing.T, seed uint64) { killedAgainAndAgain(t, program, seed) })
	})
	t.Run("redrive killed", func(t *testing.T) {
		seeds(t, 4, func(t *testing.T, seed uint64) { redriveKilled(t, program, seed) })
	})
	t.Run("SIGTERM drains", func(t *testing.T) { signalDrains(t, program) })
	t.Run("a second signal stops at once", func(t *testing.T) { secondSignal(t, program) })
	t.Run("one processor", func(t *testing.T) { runsOnOneProcessor(t, program) })
	t.Run("SIGHUP switches the log to debug", func(t *testing.T) { hangupSwitchesTheLog(t, program) })
	t.Run("spans reach an OTLP receiver", func(t *testing.T) { spansReachAReceiver(t, program) })
	t.Run("no OTLP receiver", func(t *testing.T) { noReceiver(t, program) })
	t.Run("cannot start", func(t *testing.T) { cannotStart(t, program) })
	t.Run("doctor", func(t *testing.T) { doctorCommand(t, program) })
	t.Run("doctor --probe", func(t *testing.T) { probeCommand(t, program) })
	t.Run("doctor --probe, interrupted", func(t *testing.T) { probeInterrupted(t, program) })
	t.Run("a start with something wrong", func(t *testing.T) { startWithProblems(t, program) })
	t.Run("ECS protects the task", func(t *testing.T) { protectedByECS(t, program) })
}

// buildWorker returns the worker's binary, which is built once for all tests.
func buildWorker(t *testing.T) (program string) {
	t.Helper()
	program, err := builtWorker()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

var builtWorker = sync.OnceValues(func() (program string, err error) {
	program = filepath.Join(programs, "worker")
	out, err := exec.Command("go", "build", "-o", program, "managed-thing-updater/cmd/worker").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, err
})

// server is a rig whose cloud is served on a socket.
type server struct {
	*rig
	program string
	web     *httptest.Server
	online  sync.Once
	busy    atomic.Int64 // requests under way
}

func newServer(t *testing.T, program string, l layout) *server {
	s := &server{program: program, web: httptest.NewUnstartedServer(nil)}
	l.cloud.BaseURL = "http://" + s.web.Listener.Addr().String()
	s.rig = newRig(t, l)
	s.web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.busy.Add(1)
		defer s.busy.Add(-1)
		noteAction(r)
		s.cloud.Handler().ServeHTTP(w, r)
	})
	t.Cleanup(s.web.Close)
	return s
}

func (s *server) endpoint() string { return s.queue[:strings.Index(s.queue, "/0000")] }

// eventually waits in real time, for what other processes do.
func (s *server) eventually(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// process is a worker of its own.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr safeBuffer
	done           chan struct{}
}

// start runs the worker; settings are added to, and win over, those that all have.
// The cloud's faults are set before the first start.
func (s *server) start(settings ...string) *process {
	s.t.Helper()
	return s.command([]string{"run"}, settings...)
}

// command runs the program with any command.
func (s *server) command(args []string, settings ...string) *process {
	s.t.Helper()
	p := s.prepare(args, settings...)
	s.launch(p)
	return p
}

// prepare is command without the start.
func (s *server) prepare(args []string, settings ...string) *process {
	s.t.Helper()
	s.online.Do(s.web.Start)
	p := &process{cmd: exec.CommandContext(s.t.Context(), s.program, args...), done: make(chan struct{})}
	p.cmd.Env = append([]string{
		"HOME=" + s.t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIDLOCAL", "AWS_SECRET_ACCESS_KEY=local-secret",
		"AWS_ENDPOINT_URL_SQS=" + s.endpoint(), "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=" + s.endpoint(),
		"WORKER_QUEUE_URL=" + s.queue, "WORKER_ADMIN_ADDR=", "WORKER_MEMBER_SEMANTICS=replace",
		"WORKER_WAIT_TIME=1s", "WORKER_VISIBILITY_TIMEOUT=2s", "WORKER_SHUTDOWN_TIMEOUT=15s",
		"WORKER_RATE_START=300", "WORKER_CONCURRENCY=4",
	}, settings...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	return p
}

// launch starts a process, and kills it at the end of the test if it still runs.
func (s *server) launch(p *process) {
	s.t.Helper()
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	s.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
}

// wait waits for a call of the process.
func (s *server) wait(called <-chan struct{}, p *process) {
	s.t.Helper()
	select {
	case <-called:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("no call:\n%s", p.stderr.String())
	}
}

// exit waits for the process to end and returns its exit code, -1 where a signal
// ended it.
func (s *server) exit(p *process, within time.Duration) int {
	s.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		s.t.Fatalf("the worker did not end within %v:\n%s", within, p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// ends checks that a signal ends the process with everything finished; also where
// it had not begun.
func (s *server) ends(p *process) {
	s.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	code := s.exit(p, 20*time.Second)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGTERM && p.stderr.String() == "" {
		return // it came before the process could catch it, so before it held anything
	}
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	last := lines[len(lines)-1]
	finished := strings.Contains(last, `"msg":"stopped"`) && strings.Contains(last, `"stranded":0`)
	if code != 0 || !finished && !strings.Contains(last, `"msg":"stopped while starting`) {
		s.t.Errorf("exit code %d; the last line is %s", code, last)
	}
}

// hangupSwitchesTheLog checks that SIGHUP does not end the worker, as it would by
// itself.
func hangupSwitchesTheLog(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	p := s.start()
	said := func(text string) func() bool { return func() bool { return strings.Contains(p.stderr.String(), text) } }
	s.eventually("it has started", 20*time.Second, said(`"msg":"started"`))
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	s.eventually("the level is changed", 20*time.Second, said(`"to":"debug"`))
	s.ends(p)
}

// killedAgainAndAgain kills the worker in the middle of requests of every kind.
// Whatever it held, no message leaves the queue before its outcome is durable; and
// a thing none of whose messages was settled before a kill, or all, ends with its
// newest values (what a process knew of older ones goes with it).
func killedAgainAndAgain(t *testing.T, program string, seed uint64) {
	s := newServer(t, program, layout{cloud: localcloud.Options{Seed: seed, Latency: 4 * time.Millisecond}})
	random := rand.New(rand.NewPCG(seed, 0xdead))
	told := &model{semantics: "replace"}
	events := &producer{rand: random, things: 150, allExist: true}
	for range 300 {
		told.send(s.rig, events.next())
	}
	snare := &snare{}
	s.cloud.Faults.OnSQS = func(info localcloud.SQSInfo) *localcloud.Fault { return snare.step(info.Action) }
	api := newMishaps(seed, 10*time.Second) // for what it refuses
	s.cloud.Faults.OnCall = func(info localcloud.CallInfo) *localcloud.Fault {
		if fault := snare.step("UpdateManagedThing"); fault != nil {
			return fault
		}
		return api.onCall(info)
	}

	torn := map[string]bool{} // things of which some messages, not all, were settled when a worker was killed
	for i, at := range []struct {
		action string
		least  int // requests of this kind before the kill
	}{{"UpdateManagedThing", 20}, {"DeleteMessageBatch", 2}, {"SendMessageBatch", 1}, {"ReceiveMessage", 3}} {
		at.least += random.IntN(3)
		p := s.start()
		caught := snare.set(at.action, at.least, p, random.IntN(2) == 0)
		select {
		case <-caught:
		case <-time.After(30 * time.Second):
			t.Fatalf("kill %d: there was no %s to kill the worker in:\n%s", i, at.action, p.stderr.String())
		}
		if code := s.exit(p, 10*time.Second); code != -1 {
			t.Errorf("exit code %d of a process that was killed", code)
		}
		s.eventually("all requests of the killed worker have ended", 10*time.Second, func() bool { return s.busy.Load() == 0 })
		told.note(s.rig)
		told.tear(torn)
		t.Logf("killed in %s %d: %d of %d messages settled, %d things torn", at.action, at.least, len(told.gone), len(told.sent), len(torn))
	}

	p := s.start()
	s.eventually("the queue is drained", 30*time.Second, func() bool {
		told.note(s.rig)
		return s.cloud.SQS.Len(s.queue) == 0
	})
	s.ends(p)
	report(t, "lost", told.lost(s.calls(""), s.letters()))
	whole := &model{sent: slices.DeleteFunc(slices.Clone(told.sent), func(e *event) bool { return torn[e.thing] })}
	report(t, "not the newest value", whole.differences(s.cloud.Things.Get, true))
	if things, _ := whole.expected(); len(things) < 20 {
		t.Errorf("only %d things could be compared", len(things))
	}
	report(t, "a sensitive value", leaks(p.stderr.String(), letterTexts(s.letters())))
}

// tear adds the things of which some messages are out of the queue, but not all.
func (s *model) tear(torn map[string]bool) {
	left, all := map[string]int{}, map[string]int{}
	for _, e := range s.sent {
		all[e.thing]++
		if _, ok := s.gone[e.id]; ok {
			left[e.thing]++
		}
	}
	for thing, n := range left {
		if n < all[thing] {
			torn[thing] = true
		}
	}
}

// snare kills a process in the middle of a request.
type snare struct {
	mu     sync.Mutex
	action string
	left   int // requests of this action until then
	prey   *process
	before bool // the request has no effect
	caught chan struct{}
}

func (s *snare) set(action string, after int, p *process, before bool) (caught <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.action, s.left, s.prey, s.before, s.caught = action, after, p, before, make(chan struct{})
	return s.caught
}

func (s *snare) step(action string) *localcloud.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prey == nil || action != s.action {
		return nil
	}
	if s.left--; s.left > 0 {
		return nil
	}
	_ = s.prey.cmd.Process.Kill()
	s.prey = nil
	close(s.caught)
	return &localcloud.Fault{BreakBefore: s.before, BreakAfter: !s.before}
}

func signalDrains(t *testing.T, program string) {
	s := newServer(t, program, layout{cloud: localcloud.Options{Latency: 500 * time.Millisecond}})
	called := make(chan struct{}, 100)
	s.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault {
		called <- struct{}{}
		return nil
	}
	s.sendNames("thing", 30)
	p := s.start()
	for range 4 {
		s.wait(called, p)
	}
	s.ends(p)
	left := s.cloud.SQS.Messages(s.queue)
	for _, m := range left {
		if m.InFlight {
			t.Errorf("message %s is still in flight", m.ID)
		}
	}
	if applied := len(s.cloud.Things.IDs()); applied < 4 || applied+len(left) != 30 {
		t.Errorf("%d applied, %d left of 30", applied, len(left))
	}
}

func secondSignal(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	called := make(chan struct{}, 1)
	s.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault {
		called <- struct{}{}
		return &localcloud.Fault{Delay: hang}
	}
	s.sendNames("thing", 1)
	p := s.start()
	s.wait(called, p)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	s.eventually("the worker says that it stops", 10*time.Second, func() bool { return strings.Contains(p.stderr.String(), `"msg":"stopping`) })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(p, 5*time.Second); code != 1 || !strings.Contains(p.stderr.String(), "stopping at once") {
		t.Errorf("exit code %d:\n%s", code, p.stderr.String())
	}
	if left := s.cloud.SQS.Messages(s.queue); len(left) != 1 {
		t.Errorf("%d messages left, want 1", len(left))
	}
}

func cannotStart(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	alone := s.cloud.SQS.CreateQueue("alone", localcloud.QueueOptions{})
	for _, c := range []struct {
		name, setting, says string
	}{ // a setting is said in two lines, as there may be several
		{"a wrong setting", "WORKER_POLLERS=0", "WORKER_POLLERS"},
		{"no queue is set", "WORKER_QUEUE_URL=", "WORKER_QUEUE_URL"},
		{"the queue does not exist", "WORKER_QUEUE_URL=" + s.queue + "-not", "does not exist"},
		{"the dead-letter queue does not exist", "WORKER_DLQ_URL=" + s.dlq + "-not", "WORKER_DLQ_URL"},
		{"there is no dead-letter queue", "WORKER_QUEUE_URL=" + alone, "WORKER_DLQ_URL"},
		{"the key is unknown", "AWS_ACCESS_KEY_ID=AKIDWRONG", "credentials"},
		{"the secret is wrong", "AWS_SECRET_ACCESS_KEY=wrong-secret", "credentials"},
		{"no Region", "AWS_REGION=", "AWS_REGION"},
	} {
		p := s.start(c.setting)
		code := s.exit(p, 20*time.Second)
		said := p.stderr.String()
		if code != 2 || !strings.HasPrefix(said, "worker: ") || !strings.Contains(said, c.says) || strings.Count(said, "\n") > 2 || strings.Contains(said, "goroutine") || strings.Contains(said, "wrong-secret") {
			t.Errorf("%s: exit code %d, said:\n%s", c.name, code, said)
		}
	}
}

// safeBuffer may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
