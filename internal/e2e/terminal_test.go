package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"managed-thing-updater/internal/localcloud"
)

// evil is what no terminal should get: an escape sequence, a bell, a line break that
// begins what looks like another line, C1, DEL, and marks of direction.
const (
	evil      = "x\x1b[31m\x07" + evilInSQS
	evilInSQS = "\n2026 FORGED line\u009b2J\x7f\u202egnp\u2066\u2028y" // what SQS takes without JSON's escapes
)

func TestWhatAProducerWroteReachesNoTerminalUnescaped(t *testing.T) {
	inRealTime(t)
	s := newServer(t, buildWorker(t), layout{})
	s.callsFail("refused", &localcloud.Fault{Status: 400, Code: "ValidationException", Body: fmt.Sprintf(`{"message":%s}`, inJSON(evil))})
	invalid := fmt.Sprintf(`{"Identifier":%[1]s,%[1]s:1,"MetaData":{%[1]s:[]}}`, inJSON(evil))
	id := s.cloud.SQS.Send(s.queue, localcloud.Message{Body: invalid, Attributes: map[string]localcloud.Attribute{
		"note":            {DataType: "String", StringValue: evilInSQS},
		"DeduplicationId": {DataType: "String", StringValue: evilInSQS},
	}})
	foreign := s.cloud.SQS.Send(s.dlq, localcloud.Message{Body: invalid, Attributes: map[string]localcloud.Attribute{
		"Failure": {DataType: "String", StringValue: fmt.Sprintf(`{"reason":%[1]s,"code":%[1]s,"detail":%[1]s,"messageId":%[1]s,"worker":%[1]s,"faults":[{"pointer":%[1]s,"in":%[1]s,"rule":%[1]s,"detail":%[1]s}]}`, inJSON(evil))},
	}})
	refused := s.send(name("refused", "new"))

	var said strings.Builder
	ended := func(what string, p *process) {
		t.Helper()
		s.exit(p, 20*time.Second)
		out := p.stdout.String() + p.stderr.String()
		fmt.Fprintf(&said, "%s\n%s\n", what, out)
		if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && (!unicode.IsPrint(r) || r == utf8.RuneError) }); i >= 0 {
			t.Errorf("%s prints %q", what, out[max(0, i-30):min(len(out), i+30)])
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "2026 FORGED") {
				t.Errorf("%s: a line of a producer's: %s", what, line)
			}
		}
	}
	for _, format := range []string{"console", "json"} {
		p := s.start("WORKER_LOG_FORMAT="+format, "WORKER_LOG_LEVEL=debug", "WORKER_ADMIN_ADDR=127.0.0.1:18099", "WORKER_RETRY_ATTEMPTS=1")
		s.eventually("the letters are stored", 20*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
		for _, of := range []string{id, refused} {
			ended("explain", s.command([]string{"explain", of}, "WORKER_ADMIN_ADDR=127.0.0.1:18099"))
			ended("explain --json", s.command([]string{"explain", "--json", of}, "WORKER_ADMIN_ADDR=127.0.0.1:18099"))
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		ended("run, "+format, p)
	}
	for _, args := range [][]string{
		{"dlq", "list"},
		{"dlq", "list", "--json"},
		{"dlq", "show", id},
		{"dlq", "show", "--sensitive", id},
		{"dlq", "show", foreign},
		{"dlq", "show", evil},
		{"dlq", "redrive", "--dry-run"},
		{"dlq", "redrive", "--dry-run", "--json"},
		{"dlq", "list", "--reason", evil},
		{"validate", evil},
		{"explain", evil},
		{evil},
		{"doctor", "--json"},
		{"config"},
	} {
		ended(strings.Join(args[:min(2, len(args))], " "), s.command(args, "WORKER_ADMIN_ADDR=127.0.0.1:18099"))
	}
	p := s.prepare([]string{"validate"})
	p.cmd.Stdin = strings.NewReader(invalid)
	s.launch(p)
	ended("validate", p)
	for _, want := range []string{"received from the queue", "would move", "LETTERS", `x\u001b[31m\u0007`, "ValidationException"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("nothing says %q:\n%s", want, said.String())
		}
	}
}

// inJSON is text as a JSON string, written with as few escapes as JSON allows.
func inJSON(text string) string {
	out, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		panic(err)
	}
	return string(out)
}
