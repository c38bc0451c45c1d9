package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
)

const queueVar = "WORKER_QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/123456789012/updates"

// fixture is a command line whose sides a test can look at.
type fixture struct {
	cli
	out, err bytes.Buffer

	mu    sync.Mutex
	exits []int
}

// exited are the codes with which the process was ended.
func (f *fixture) exited() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.exits)
}

func newFixture(environ ...string) *fixture {
	f := &fixture{}
	f.cli = cli{
		environ: environ,
		stdin:   strings.NewReader(""),
		stdout:  &f.out,
		stderr:  &f.err,
		signals: make(chan os.Signal),
		outlive: func() {},
		exit: func(code int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.exits = append(f.exits, code)
		},
		runApp: func(context.Context, config.Config, app.Options) error {
			return errors.New("this test runs no worker")
		},
	}
	return f
}

func (f *fixture) run(t *testing.T, args ...string) int {
	t.Helper()
	return f.execute(t.Context(), args)
}

func TestHelpNamesEveryCommand(t *testing.T) {
	f := newFixture()
	if code := f.run(t, "help"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, c := range []string{"run", "validate", "schema", "config", "doctor", "explain", "dlq", "health", "version", "help"} {
		if !strings.Contains(f.out.String(), "\n  "+c+" ") {
			t.Errorf("no line for %s in:\n%s", c, f.out.String())
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"rnu"},
		{"help", "rnu"},
		{"help", "run", "more"},
		{"run", "--no-such-flag"},
		{"run", "extra"},
		{"version", "extra"},
		{"explain"},
		{"explain", "one", "two"},
		{"config", "--json=maybe"},
		{"validate", "no-such-file"},
	} {
		f := newFixture(queueVar)
		if code := f.run(t, args...); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
		text := f.err.String()
		if !strings.HasPrefix(text, "worker: ") || strings.Count(text, "\n") != 1 || strings.Contains(text, "Flags:") || f.out.Len() > 0 {
			t.Errorf("%v: %q on stderr, %q on stdout", args, text, f.out.String())
		}
		if args[0] == "explain" && !strings.Contains(text, "it takes one MESSAGE-ID") || !strings.Contains(text, " (see worker ") {
			t.Errorf("%v: no way out in %q", args, text)
		}
	}
}

func TestHelpIsForATerminal(t *testing.T) {
	f := newFixture()
	if code := f.run(t, "run", "--help"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if text := f.out.String(); strings.Contains(text, "](") || !strings.Contains(text, "docs/state.md says which to choose") {
		t.Errorf("a link in:\n%s", text)
	}
}

func TestVersion(t *testing.T) {
	f := newFixture()
	if code := f.run(t, "version"); code != 0 || !strings.HasPrefix(f.out.String(), "worker ") || strings.Count(f.out.String(), "\n") != 1 {
		t.Errorf("%d %q", code, f.out.String())
	}
}

func TestSchema(t *testing.T) {
	f := newFixture()
	if code := f.run(t, "schema"); code != 0 || !isJSON(f.out.String()) || !strings.Contains(f.out.String(), `"Identifier"`) {
		t.Errorf("%d %.200q", code, f.out.String())
	}
}

func TestConfigShowsValuesAndSources(t *testing.T) {
	f := newFixture(queueVar, "WORKER_POLLERS=2", "WORKER_ADMIN_TOKEN=hunter2", "WORKER_POLERS=9")
	if code := f.run(t, "config", "--max-held=100"); code != 0 {
		t.Fatalf("exit code %d: %s", code, f.err.String())
	}
	got := strings.Join(strings.Fields(f.out.String()), " ")
	for _, part := range []string{
		"WORKER_POLLERS 2 environment", "WORKER_MAX_HELD 100 flag", "WORKER_CONCURRENCY 64 default",
		"WORKER_ADMIN_TOKEN (hidden) environment", "WORKER_DLQ_URL - default",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in:\n%s", part, f.out.String())
		}
	}
	if !strings.Contains(f.err.String(), "did you mean WORKER_POLLERS?") {
		t.Errorf("no warning: %q", f.err.String())
	}

	asJSON := newFixture(queueVar, "WORKER_ADMIN_TOKEN=hunter2")
	if code := asJSON.run(t, "config", "--json"); code != 0 || !isJSON(asJSON.out.String()) {
		t.Errorf("%d %s", code, asJSON.out.String())
	}
	if strings.Contains(f.out.String()+asJSON.out.String(), "hunter2") {
		t.Error("the token is shown")
	}
}

func TestWrongSettingsAreNamedTogether(t *testing.T) {
	for _, command := range []string{"run", "config"} {
		f := newFixture("WORKER_POLLERS=0", "WORKER_QUEUE_ULR=x")
		if code := f.run(t, command, "--max-held=1"); code != 2 {
			t.Errorf("%s: exit code %d", command, code)
		}
		for _, name := range []string{"WORKER_QUEUE_URL", "WORKER_POLLERS", "WORKER_MAX_HELD", "3 settings are wrong", "did you mean WORKER_QUEUE_URL?"} {
			if !strings.Contains(f.err.String(), name) {
				t.Errorf("%s: no %s in %q", command, name, f.err.String())
			}
		}
	}
}
