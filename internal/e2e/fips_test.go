package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

const onlyFIPS = "GODEBUG=fips140=only"

func TestEveryCommandAndTheWorkRunWithFIPS140AlgorithmsAlone(t *testing.T) {
	inRealTime(t)
	s := newServer(t, buildWorker(t), layout{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin := listener.Addr().String()
	_ = listener.Close()
	settings := append([]string{onlyFIPS, "WORKER_ADMIN_ADDR=" + admin, "WORKER_ADMIN_TOKEN=short"}, soundly...)
	bad := s.cloud.SQS.Send(s.queue, localcloud.Message{Body: `{"Identifier":"lamp","Nme":1}`, Attributes: map[string]localcloud.Attribute{"note": {DataType: "String", StringValue: "with an attribute"}}})
	s.sendNames("thing", 20)
	p := s.start(settings...)
	s.eventually("all messages are applied or letters", 20*time.Second, func() bool {
		return s.cloud.SQS.Len(s.queue) == 0 && len(s.letters()) == 1 && len(s.cloud.Things.IDs()) == 20
	})
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"version"}, 0},
		{[]string{"help"}, 0},
		{[]string{"config"}, 0},
		{[]string{"schema"}, 0},
		{[]string{"doctor"}, 0},
		{[]string{"validate", "-"}, 1},
		{[]string{"health"}, 0},
		{[]string{"explain", bad}, 0},
		{[]string{"dlq", "list"}, 0},
		{[]string{"dlq", "show", bad}, 0},
		{[]string{"dlq", "redrive", "--dry-run"}, 1},
	} {
		p := s.command(c.args, settings...)
		if code := s.exit(p, 40*time.Second); code != c.code || strings.Contains(p.stderr.String(), "panic") {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.args, code, c.code, p.stdout.String(), p.stderr.String())
		}
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.exit(p, 20*time.Second); code != 0 || strings.Contains(p.stderr.String(), "panic") {
		t.Errorf("exit code %d:\n%s", code, p.stderr.String())
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[default]\nsso_start_url=https://example.awsapps.com/start\nsso_region=eu-west-1\nsso_account_id=123456789012\nsso_role_name=worker\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sso := s.start(append(settings, "AWS_CONFIG_FILE="+config, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")...)
	if code := s.exit(sso, 20*time.Second); code != 2 || !strings.Contains(sso.stderr.String(), "SHA-1") || strings.Contains(sso.stderr.String(), "goroutine") {
		t.Errorf("a forbidden algorithm is needed: exit code %d\n%s", code, sso.stderr.String())
	}
	moved := s.command([]string{"dlq", "redrive"}, settings...)
	if code := s.exit(moved, 40*time.Second); code != 0 || s.cloud.SQS.Len(s.queue) != 1 {
		t.Errorf("redrive: exit code %d\n%s%s", code, moved.stdout.String(), moved.stderr.String())
	}
}
