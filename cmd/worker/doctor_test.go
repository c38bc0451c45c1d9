package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/doctor"
)

var sound = doctor.Report{Queue: "q", Checks: []string{"clock"}, Findings: []doctor.Finding{{Check: "state", Severity: doctor.Note, What: "in memory"}}}

func TestDoctorExitsByWhatItFinds(t *testing.T) {
	sick := doctor.Report{Checks: []string{"clock"}, Findings: []doctor.Finding{{Check: "clock", Severity: doctor.Warning, What: "it is late", Why: "so", Fix: "set it"}}}
	for name, c := range map[string]struct {
		report doctor.Report
		err    error
		code   int
		says   string
	}{
		"sound":    {sound, nil, 0, "0 wrong"},
		"sick":     {sick, nil, 1, "it is late"},
		"no setup": {doctor.Report{}, &app.SetupError{Fault: errors.New("no profile"), Fix: "make one"}, 2, "no profile; make one"},
	} {
		for _, flag := range []string{"--json=false", "--json"} {
			f := newFixture(queueVar)
			f.examine = func(_ context.Context, cfg config.Config) (doctor.Report, error) {
				if cfg.MaxHeld != 77 {
					t.Errorf("held %d", cfg.MaxHeld)
				}
				return c.report, c.err
			}
			code := f.run(t, "doctor", "--max-held=77", flag)
			if code != c.code || flag != "--json" && !strings.Contains(f.out.String()+f.err.String(), c.says) {
				t.Errorf("%s: exit code %d, said %s%s", name, code, f.out.String(), f.err.String())
			}
			if flag == "--json" && c.err == nil && !json.Valid(f.out.Bytes()) {
				t.Errorf("%s: no JSON: %s", name, f.out.String())
			}
		}
	}
	f := newFixture()
	if code := f.run(t, "doctor"); code != 2 || !strings.Contains(f.err.String(), "WORKER_QUEUE_URL") {
		t.Errorf("without a queue: %d %s", code, f.err.String())
	}
}

func TestDoctorThatIsInterruptedSaysNothingOfTheSetUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(queueVar)
		signals := make(chan os.Signal, 1)
		f.signals = signals
		f.examine = func(ctx context.Context, _ config.Config) (doctor.Report, error) {
			signals <- syscall.SIGTERM
			<-ctx.Done()
			return doctor.Report{Findings: []doctor.Finding{{Severity: doctor.Wrong, What: "cut short"}}}, nil
		}
		if code := f.execute(t.Context(), []string{"doctor"}); code != 1 || f.out.Len() > 0 || !strings.Contains(f.err.String(), "SIGTERM") {
			t.Errorf("%d %s%s", code, f.out.String(), f.err.String())
		}
	})
}

func TestProbeAsksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		typed    string
		args     []string
		code     int
		probed   bool
	}{
		"yes":              {true, "y\n", nil, 0, true},
		"no":               {true, "n\n", nil, 1, false},
		"just enter":       {true, "\n", nil, 1, false},
		"end of input":     {true, "", nil, 1, false},
		"--yes":            {true, "", []string{"--yes"}, 0, true},
		"no terminal":      {false, "y\n", nil, 2, false},
		"nobody and --yes": {false, "", []string{"--yes"}, 0, true},
	} {
		f := newFixture() // no queue is set: it is none of the probe's business
		f.interactive, f.stdin = c.terminal, strings.NewReader(c.typed)
		probed := false
		f.probe = func(_ context.Context, _ config.Config, o doctor.ProbeOptions) (string, error) {
			if o.Thing != "lamp" {
				t.Errorf("thing %s", o.Thing)
			}
			if !o.Confirm("the plan") {
				return "", doctor.ErrNotConfirmed
			}
			probed = true
			return config.SemanticsMerge, nil
		}
		code := f.run(t, append([]string{"doctor", "--probe", "lamp"}, c.args...)...)
		if code != c.code || probed != c.probed {
			t.Errorf("%s: exit code %d, probed %v: %s", name, code, probed, f.err.String())
		}
		if c.code != 2 && !strings.Contains(f.err.String(), "the plan") {
			t.Errorf("%s: no plan: %s", name, f.err.String())
		}
		if probed && !strings.Contains(f.out.String(), "WORKER_MEMBER_SEMANTICS=merge") {
			t.Errorf("%s: %s", name, f.out.String())
		}
	}
}

func TestProbeUsage(t *testing.T) {
	for _, args := range [][]string{{"--probe", ""}, {"--probe", "lamp", "--call-timeout=0"}} {
		f := newFixture()
		if code := f.run(t, append([]string{"doctor", "--yes"}, args...)...); code != 2 {
			t.Errorf("%v: exit code %d: %s", args, code, f.err.String())
		}
	}
}
