package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/standin"
)

// soundly are settings in which the doctor finds nothing.
var soundly = []string{"WORKER_VISIBILITY_TIMEOUT=2m", "WORKER_SHUTDOWN_TIMEOUT=25s"}

// ask runs worker doctor and returns its exit code.
func (s *server) ask(args []string, settings ...string) (int, *process) {
	s.t.Helper()
	p := s.command(append([]string{"doctor"}, args...), append(append([]string{}, soundly...), settings...)...)
	return s.exit(p, 40*time.Second), p
}

func doctorCommand(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	if code, p := s.ask(nil); code != 0 || !strings.Contains(p.stdout.String(), ": 0 wrong, 0 warnings,") || p.stderr.String() != "" {
		t.Errorf("sound: exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
	for _, c := range []struct {
		name, setting, check, says string
	}{
		{"the secret is wrong", "AWS_SECRET_ACCESS_KEY=wrong-secret", "credentials", "SignatureDoesNotMatch"},
		{"no Region", "AWS_REGION=", "region", "AWS_REGION"},
		{"no queue", "WORKER_QUEUE_URL=" + s.queue + "-not", "source-queue", "updates-not"},
		{"nobody at the API's endpoint", "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=http://127.0.0.1:1", "api-reachable", "connection refused"},
		{"a short lease", "WORKER_VISIBILITY_TIMEOUT=5s", "visibility", "WORKER_VISIBILITY_TIMEOUT=2m"},
		{"nobody at the state store", "WORKER_STATE=redis://user:pass-word@127.0.0.1:1", "state", "connection refused"},
		{"a grace too short", "TERMINATION_GRACE_SECONDS=10", "grace", "TERMINATION_GRACE_SECONDS=30"},
	} {
		code, p := s.ask([]string{"--json"}, c.setting)
		var r doctor.Report
		if err := json.Unmarshal([]byte(p.stdout.String()), &r); err != nil {
			t.Errorf("%s: %v\n%s%s", c.name, err, p.stdout.String(), p.stderr.String())
			continue
		}
		if got := strings.Join(problems(r), " "); code != 1 || got != c.check || !strings.Contains(p.stdout.String(), c.says) {
			t.Errorf("%s: exit code %d, found %s\n%s", c.name, code, got, p.stdout.String())
		}
		if all := p.stdout.String() + p.stderr.String(); strings.Contains(all, "wrong-secret") || strings.Contains(all, "pass-word") {
			t.Errorf("%s: a secret is shown", c.name)
		}
	}
	if code, p := s.ask(nil, "WORKER_POLLERS=0"); code != 2 || p.stdout.String() != "" {
		t.Errorf("a wrong setting: exit code %d\n%s", code, p.stdout.String())
	}
}

func TestTheDoctorNamesATableThatIsMissing(t *testing.T) {
	inRealTime(t)
	moto := standin.Moto().ForTest(t)
	s := newServer(t, buildWorker(t), layout{})
	code, p := s.ask(nil, "WORKER_STATE=dynamodb://things", "AWS_ENDPOINT_URL_DYNAMODB="+moto)
	if code != 1 || !strings.Contains(p.stdout.String(), "aws dynamodb create-table") || !strings.Contains(p.stdout.String(), ": 1 wrong, 0 warnings,") {
		t.Errorf("exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
}

// aLamp is a server whose cloud has a thing that can be probed.
func aLamp(t *testing.T, program, semantics string) *server {
	s := newServer(t, program, layout{})
	s.cloud.Things.Semantics = semantics
	s.cloud.Things.Create("lamp", map[string]json.RawMessage{"MetaData": json.RawMessage(`{"a":"1","b":"2"}`), "SerialNumber": json.RawMessage(`"S-1"`)})
	return s
}

func probeCommand(t *testing.T, program string) {
	s := aLamp(t, program, localcloud.Merge)
	if code, p := s.ask([]string{"--probe", "lamp"}, "WORKER_QUEUE_URL="); code != 2 || !strings.Contains(p.stderr.String(), "--yes") {
		t.Errorf("nobody to ask: exit code %d: %s", code, p.stderr.String())
	}
	code, p := s.ask([]string{"--probe", "lamp", "--yes"}, "WORKER_QUEUE_URL=")
	if code != 0 || !strings.Contains(p.stdout.String(), "WORKER_MEMBER_SEMANTICS=merge") || strings.Contains(p.stdout.String()+p.stderr.String(), "S-1") {
		t.Errorf("exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
	s.wantMember("lamp", "MetaData", `{"a":"1","b":"2"}`)
}

// probeInterrupted: the old values are put back before the process ends.
func probeInterrupted(t *testing.T, program string) {
	s := aLamp(t, program, localcloud.Replace)
	changed := make(chan struct{}, 10)
	s.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault {
		changed <- struct{}{}
		return &localcloud.Fault{Delay: 300 * time.Millisecond}
	}
	p := s.command([]string{"doctor", "--probe", "lamp", "--yes", "--call-timeout=2s"})
	s.wait(changed, p)
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	if code := s.exit(p, 40*time.Second); code != 1 || !strings.Contains(p.stderr.String(), "SIGINT") {
		t.Errorf("exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
	s.wantMember("lamp", "MetaData", `{"a":"1","b":"2"}`)
}

// startWithProblems: what is wrong is warned of beside the loops, and stops nothing.
func startWithProblems(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	s.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
		if i.Action == "SendMessage" { // the worker itself sends in batches
			return &localcloud.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	}
	s.sendNames("thing", 5)
	p := s.start(soundly...)
	s.eventually("the messages are applied", 20*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
	s.eventually("it is warned of", 20*time.Second, func() bool { return strings.Contains(p.stderr.String(), `"check":"permission-send"`) })
	s.ends(p)
	if n := strings.Count(p.stderr.String(), `"level":"warn"`); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, p.stderr.String())
	}
	if n := len(s.calls("")); n != 5 {
		t.Errorf("%d calls for 5 messages", n)
	}
}

func protectedByECS(t *testing.T, program string) {
	s := newServer(t, program, layout{})
	release := make(chan struct{})
	s.cloud.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault { return &localcloud.Fault{Hold: release} }
	var protected atomic.Bool
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ProtectionEnabled bool
			ExpiresInMinutes  int
		}
		if r.Method != http.MethodPut || r.URL.Path != "/api/task-protection/v1/state" || json.NewDecoder(r.Body).Decode(&in) != nil || in.ProtectionEnabled && in.ExpiresInMinutes != 60 {
			t.Errorf("the agent is asked %s %s: %+v", r.Method, r.URL.Path, in)
		}
		protected.Store(in.ProtectionEnabled)
		_, _ = io.WriteString(w, map[bool]string{true: `{"protection":{"ProtectionEnabled":true}}`, false: `{"protection":{"ProtectionEnabled":false}}`}[in.ProtectionEnabled])
	}))
	defer agent.Close()
	s.sendNames("thing", 3)
	p := s.start(append([]string{"ECS_AGENT_URI=" + agent.URL + "/api"}, soundly...)...)
	s.eventually("the task is protected", 20*time.Second, protected.Load)
	close(release)
	s.ends(p)
	if protected.Load() {
		t.Error("the task is still protected after the stop")
	}
}
