package observability

import (
	"path/filepath"
	"testing"
)

// project is the project's folder.
const project = "../../.."

// still are the checks for which nothing has to run.
var still = []struct {
	name string
	run  func(t *testing.T, root string) []string
}{
	{"promtool finds nothing wrong with the rules", func(_ *testing.T, root string) []string { return RuleFaults(root) }},
	{"every alert is tested to fire and to stay silent", func(_ *testing.T, root string) []string { return UntestedAlerts(root) }},
	{"every alert has a severity, a summary, a description and a runbook_url", func(_ *testing.T, root string) []string { return IncompleteAlerts(root) }},
	{"every runbook_url leads to a section of the runbook with all answers", func(_ *testing.T, root string) []string { return RunbookFaults(root) }},
	{"the unit tests of the rules pass", func(_ *testing.T, root string) []string { return UnitFaults(root) }},
	{"the dashboard is one by Grafana's own types", func(t *testing.T, root string) []string {
		grafana, err := filepath.Abs("grafana")
		if err != nil {
			return []string{err.Error()}
		}
		return TypeFaults(root, grafana, t.TempDir())
	}},
}

func TestObservability(t *testing.T) {
	for _, c := range still {
		t.Run(c.name, func(t *testing.T) { report(t, c.run(t, project)) })
	}
}

func report(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}
