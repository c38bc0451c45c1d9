// Package observability proves deploy/observability and docs/runbook.md: the rules with
// promtool, the dashboard with Grafana's own types, and both with a real Prometheus that
// scrapes a real worker. A check takes the project's folder and returns what is wrong.
package observability

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	rulesFolder   = "deploy/observability/prometheus"
	unitFolder    = "test/deploy/observability/rules"
	dashboardFile = "deploy/observability/grafana/dashboard.json"
	runbookFile   = "docs/runbook.md"
)

var promQL = parser.NewParser(parser.Options{})

func filesIn(root, folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, folder, "*.yml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s is empty", folder)
	}
	return files, err
}

// Rules are all recording and alerting rules.
func Rules(root string) ([]rulefmt.Rule, error) {
	files, err := filesIn(root, rulesFolder)
	if err != nil {
		return nil, err
	}
	var rules []rulefmt.Rule
	for _, file := range files {
		groups, faults := rulefmt.ParseFile(file, false, model.LegacyValidation, promQL, slog.New(slog.DiscardHandler))
		if len(faults) > 0 {
			return nil, errors.Join(faults...)
		}
		for _, g := range groups.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	return rules, nil
}

// RuleFaults is what promtool finds.
func RuleFaults(root string) []string {
	files, err := filesIn(root, rulesFolder)
	if err != nil {
		return []string{err.Error()}
	}
	return promtool(append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...)
}

// UnitFaults is what the unit tests of the rules find.
func UnitFaults(root string) []string {
	files, err := filesIn(root, unitFolder)
	if err != nil {
		return []string{err.Error()}
	}
	return promtool(append([]string{"test", "rules"}, files...)...)
}

func promtool(arguments ...string) []string {
	if out, err := exec.Command("promtool", arguments...).CombinedOutput(); err != nil {
		return []string{fmt.Sprintf("promtool %s: %v\n%s", arguments[0], err, out)}
	}
	return nil
}

// UntestedAlerts names the alerts that no unit test expects to fire, or none to be silent.
func UntestedAlerts(root string) []string {
	rules, err := Rules(root)
	if err != nil {
		return []string{err.Error()}
	}
	files, err := filesIn(root, unitFolder)
	if err != nil {
		return []string{err.Error()}
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return []string{err.Error()}
		}
		var unit struct {
			Tests []struct {
				Checks []struct {
					Alert    string `yaml:"alertname"`
					Expected []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal(text, &unit); err != nil {
			return []string{err.Error()}
		}
		for _, test := range unit.Tests {
			for _, c := range test.Checks {
				fires[c.Alert] = fires[c.Alert] || len(c.Expected) > 0
				silent[c.Alert] = silent[c.Alert] || len(c.Expected) == 0
			}
		}
	}
	var faults []string
	for _, r := range rules {
		if r.Alert != "" && !fires[r.Alert] {
			faults = append(faults, "no unit test has it fire: "+r.Alert)
		}
		if r.Alert != "" && !silent[r.Alert] {
			faults = append(faults, "no unit test has it silent: "+r.Alert)
		}
	}
	return faults
}

// IncompleteAlerts says what the person who is paged would miss.
func IncompleteAlerts(root string) []string {
	rules, err := Rules(root)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for _, r := range rules {
		if r.Alert == "" {
			continue
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			faults = append(faults, fmt.Sprintf("%s: severity %q", r.Alert, s))
		}
		for _, name := range []string{"summary", "description", "runbook_url"} {
			if strings.TrimSpace(r.Annotations[name]) == "" {
				faults = append(faults, r.Alert+" has no "+name)
			}
		}
	}
	return faults
}
