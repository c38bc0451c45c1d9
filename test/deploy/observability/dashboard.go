package observability

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Query is a query of a panel, or of a variable.
type Query struct{ Panel, Expr string }

// anyTarget are values for the variables that leave every target in.
var anyTarget = map[string]string{"job": ".*", "instance": ".*", "__rate_interval": "1m", "__range": "10m"}

var variable = regexp.MustCompile(`\$\{?(\w+)\}?`)

// Filled is the query with its variables filled in.
func (q Query) Filled(values map[string]string) string {
	return variable.ReplaceAllStringFunc(q.Expr, func(name string) string {
		if value, ok := values[strings.Trim(name, "${}")]; ok {
			return value
		}
		return name
	})
}

type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
}

func readDashboard(root string) (d dashboard, err error) {
	text, err := os.ReadFile(filepath.Join(root, dashboardFile))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// Queries are those of all panels.
func Queries(root string) ([]Query, error) {
	d, err := readDashboard(root)
	if err != nil {
		return nil, err
	}
	var all []Query
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all = append(all, Query{p.Title, t.Expr})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no query", dashboardFile)
	}
	return all, nil
}

var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// Variables are the selectors that the values of the dashboard's variables come from,
// each with the label that has them.
func Variables(root string) (map[string]Query, error) {
	d, err := readDashboard(root)
	if err != nil {
		return nil, err
	}
	all := map[string]Query{}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		var asks struct{ Query string }
		if err := json.Unmarshal(v.Query, &asks); err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		found := labelValues.FindStringSubmatch(asks.Query)
		if found == nil {
			return nil, fmt.Errorf("variable %s: %q asks for no values of a label", v.Name, asks.Query)
		}
		all[v.Name] = Query{"variable " + v.Name + ", label " + found[2], found[1]}
	}
	return all, nil
}

// TypeFaults is what the TypeScript compiler says of the dashboard with Grafana's types.
// grafana is the folder with them, node_modules included.
func TypeFaults(root, grafana, scratch string) []string {
	text, err := os.ReadFile(filepath.Join(root, dashboardFile))
	if err != nil {
		return []string{err.Error()}
	}
	typed := "import type { WorkerDashboard } from './types';\nexport const dashboard: WorkerDashboard = " + string(text)
	if err := os.WriteFile(filepath.Join(scratch, "dashboard.ts"), []byte(typed), 0o644); err != nil {
		return []string{err.Error()}
	}
	for _, name := range []string{"node_modules", "types.ts", "tsconfig.json"} {
		if err := os.Symlink(filepath.Join(grafana, name), filepath.Join(scratch, name)); err != nil {
			return []string{err.Error()}
		}
	}
	compile := exec.Command(filepath.Join(grafana, "node_modules", ".bin", "tsc"), "--strict", "--project", scratch)
	if out, err := compile.CombinedOutput(); err != nil {
		return []string{fmt.Sprintf("tsc: %v\n%s", err, out)}
	}
	return nil
}
