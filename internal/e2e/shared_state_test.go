package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/standin"
)

// A letter that comes back when newer values have been applied, by another worker
// than the one that wrote it, is superseded, whoever moved it.
func TestALetterMovedBackIsSupersededWhoeverSharesTheStore(t *testing.T) {
	t.Parallel()
	for _, store := range stateStores {
		t.Run(store.Name, func(t *testing.T) {
			inRealTime(t)
			s := newSharedState(t, store)
			heal := s.callsFail("*", status(400, "ValidationException")) // last week's value, for now
			first := s.start()
			body := name("lamp", "last week")
			s.sendAt(time.Now().Add(-7*24*time.Hour), body)
			s.until("it is dead-lettered", patience, func() bool { return len(s.letters()) == 1 })
			s.drained(patience)
			first.stopped()
			heal()
			l := s.oneLetter(message.Rejected)

			second := s.start()
			s.send(name("lamp", "today"))
			s.drained(patience)
			second.stopped()

			third := s.start()
			s.moveBack(l) // as SQS's own move task does
			s.drained(patience)
			s.cloud.SQS.Send(s.queue, localcloud.Message{Body: l.Body, Attributes: l.Attributes, SentAt: time.Now()}) // by hand
			s.drained(patience)
			third.stopped()
			third.wantOutcomes(map[message.Outcome]int{message.Superseded: 2})
			s.wantMember("lamp", "Name", `"today"`)
		})
	}
}

// A store that is stopped for half a minute and started again: nothing is lost,
// dead-lettered or written over.
func TestAStoreThatIsStoppedAndStartedAgain(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"redis", "valkey"} {
		t.Run(program, func(t *testing.T) {
			inRealTime(t)
			standInFor(t, program) // skips where there is none
			port := strconv.Itoa(freePort(t))
			dir := t.TempDir()
			start := func() (stop func()) {
				cmd := exec.CommandContext(t.Context(), program+"-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir,
					"--appendonly", "yes", "--appendfsync", "always", "--save", "")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return func() {
					_ = cmd.Process.Signal(os.Interrupt) // it writes all that it has
					_ = cmd.Wait()
				}
			}
			halted(t, "redis://127.0.0.1:"+port, nil, start)
		})
	}
	for _, kind := range []standin.Kind{standin.Dynalite(), standin.Moto()} {
		t.Run(kind.Name+", cut off", func(t *testing.T) {
			inRealTime(t)
			url := kind.ForTest(t)
			if kind.Name == standin.Moto().Name {
				url = standin.InTurn(t, url)
			}
			proxy := standin.NewProxy(t, url)
			halted(t, "", func(s *sharedState) string { return openTable(s, proxy.URL) }, func() (stop func()) {
				proxy.Down(false)
				return func() { proxy.Down(true) }
			})
		})
	}
}

func halted(t *testing.T, state string, open func(*sharedState) string, start func() (stop func())) {
	stop := start()
	defer func() { stop() }()
	s := &sharedState{rig: newRig(t, layout{cloud: localcloud.Options{Latency: 5 * time.Millisecond}})}
	s.awsConf = *s.aws()
	if open != nil {
		state = open(s)
	}
	s.cfg.State, s.cfg.WaitTime, s.cfg.Concurrency, s.cfg.VisibilityTimeout = state, time.Second, 4, 10*time.Second
	s.cfg.VersionTTL = 24 * time.Hour
	workers := []*worker{s.start(), s.start()}

	newest := map[string]string{}
	n, events := 0, time.Now().Add(-time.Hour)
	feed := func(count int) {
		for range count {
			// Each second event is older than the one before it.
			thing, at := fmt.Sprint("thing-", n%20), events.Add(time.Duration(n^1)*time.Second)
			value := fmt.Sprintf("e%05d", n^1)
			s.sendAt(at, name(thing, value))
			newest[thing] = max(newest[thing], value)
			n++
		}
	}
	open30 := time.Duration(0)
	for began := time.Now(); open30 < 30*time.Second; open30 = time.Since(began) {
		feed(2)
		time.Sleep(100 * time.Millisecond)
		if stop != nil && time.Since(began) > time.Second && len(s.calls("")) > 10 {
			began = time.Now()
			stop()
			stop = nil
		}
	}
	if stop != nil {
		t.Fatal("no calls within 30 s")
	}
	for i, w := range workers {
		if !w.Status().Circuit.Open {
			t.Errorf("worker %d does not hold back while the store is down", i)
		}
	}
	stop = start()
	back := time.Now()
	s.until("the queue is drained", 2*time.Minute, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
	t.Logf("%d messages; drained %v after the store was back", n, time.Since(back).Round(time.Millisecond))
	time.Sleep(time.Second)
	s.drained(patience)
	for _, w := range workers {
		w.stopped()
		if w.logs.FilterMessageSnippet("stale").Len() > 0 {
			t.Errorf("a stale write:\n%s", w.lines())
		}
	}
	if letters := s.letters(); len(letters) > 0 {
		t.Errorf("%d dead letters: %+v", len(letters), letters[0].Failure)
	}
	for thing, value := range newest {
		s.wantMember(thing, "Name", `"`+value+`"`)
	}
}

func standInFor(t *testing.T, program string) {
	kind := standin.Redis()
	if program == "valkey" {
		kind = standin.Valkey()
	}
	kind.ForTest(t)
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
