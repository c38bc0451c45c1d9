package observability

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

var forMinutes = regexp.MustCompile(`(?m)^(\s+for: \d+)m$`)

// quickened are the rules with the minutes of each "for" made seconds, and nothing else
// changed, so that a run need not wait for them.
func quickened(t *testing.T, root, folder string) (files []string) {
	t.Helper()
	committed, err := filesIn(root, rulesFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range committed {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		quick := filepath.Join(folder, filepath.Base(file))
		if err := os.WriteFile(quick, forMinutes.ReplaceAll(text, []byte("${1}s")), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, quick)
	}
	return files
}

// prometheus is a real one.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, target string, rules []string) prometheus {
	t.Helper()
	folder := t.TempDir()
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"global":         map[string]string{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
		"rule_files":     rules,
		"scrape_configs": []any{map[string]any{"job_name": "worker", "static_configs": []any{map[string]any{"targets": []string{target}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	start(t, nil, "prometheus", "--config.file", file, "--storage.tsdb.path", filepath.Join(folder, "data"),
		"--web.listen-address", address, "--log.level", "warn")
	p := prometheus{"http://" + address}
	until(t, time.Minute, "Prometheus has scraped the worker", func() error {
		if n, err := p.values("worker_rate"); n == 0 || err != nil {
			return errors.Join(err, errors.New("no value of worker_rate"))
		}
		return nil
	})
	return p
}

// ask puts the data of an answer of the API into data.
func (p prometheus) ask(path string, data any) error {
	text, err := get(p.url + path)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), &struct{ Data any }{data})
}

// values is how many values a query returns that are numbers.
func (p prometheus) values(query string) (n int, err error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := p.ask("/api/v1/query?query="+url.QueryEscape(query), &data); err != nil {
		return 0, err
	}
	for _, series := range data.Result {
		if series.Value[1] != "NaN" {
			n++
		}
	}
	return n, nil
}

// EmptyQueries are those of the dashboard that return nothing, with the variables filled
// in as Grafana does it: with the values that Prometheus has for them.
func (p prometheus) EmptyQueries(root string) (faults []string) {
	variables, err := Variables(root)
	if err != nil {
		return []string{err.Error()}
	}
	filled := maps.Clone(anyTarget)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		var series []map[string]string
		err := p.ask("/api/v1/series?match[]="+url.QueryEscape(variables[name].Filled(filled)), &series)
		if err != nil || len(series) == 0 || series[0][name] == "" {
			faults = append(faults, fmt.Sprintf("%s: no value (%v)", variables[name].Panel, err))
			continue
		}
		filled[name] = regexp.QuoteMeta(series[0][name])
		filled[name] = regexp.MustCompile(`\\`).ReplaceAllString(filled[name], `\\`) // within a string
	}
	queries, err := Queries(root)
	if err != nil {
		return append(faults, err.Error())
	}
	for _, q := range queries {
		if n, err := p.values(q.Filled(filled)); n == 0 || err != nil {
			faults = append(faults, fmt.Sprintf("%s: no data of %s (%v)", q.Panel, q.Filled(filled), err))
		}
	}
	return faults
}

// RuleFaults are rules that Prometheus could not evaluate.
func (p prometheus) RuleFaults() (evaluated int, faults []string) {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.ask("/api/v1/rules", &data); err != nil {
		return 0, []string{err.Error()}
	}
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			if evaluated++; r.Health != "ok" {
				faults = append(faults, fmt.Sprintf("%s: %s %s", r.Name, r.Health, r.LastError))
			}
		}
	}
	return evaluated, faults
}

// alert is one that is pending or firing.
type alert struct {
	State       string
	Labels      map[string]string
	Annotations map[string]string
}

func (p prometheus) alert(name string) (alert, bool, error) {
	var data struct{ Alerts []alert }
	if err := p.ask("/api/v1/alerts", &data); err != nil {
		return alert{}, false, err
	}
	i := slices.IndexFunc(data.Alerts, func(a alert) bool { return a.Labels["alertname"] == name })
	if i < 0 {
		return alert{}, false, nil
	}
	return data.Alerts[i], true, nil
}
