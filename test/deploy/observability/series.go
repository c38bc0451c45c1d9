package observability

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Page is what a worker's /metrics shows: the labels of its series by name.
type Page map[string][]map[string]string

// ReadPage reads the text of /metrics.
func ReadPage(text string) (Page, error) {
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	page := Page{}
	for name, family := range families {
		suffixes := []string{""}
		if family.GetType() == dto.MetricType_HISTOGRAM {
			suffixes = []string{"_bucket", "_sum", "_count"}
		}
		for _, m := range family.GetMetric() {
			of := map[string]string{}
			for _, pair := range m.GetLabel() {
				of[pair.GetName()] = pair.GetValue()
			}
			for _, suffix := range suffixes {
				page[name+suffix] = append(page[name+suffix], of)
			}
		}
	}
	return page, nil
}

// UnknownSeries are selectors in the rules and the dashboard that select nothing of what
// a worker shows or a rule records.
func UnknownSeries(root string, page Page) []string {
	rules, err := Rules(root)
	if err != nil {
		return []string{err.Error()}
	}
	queries, err := Queries(root)
	if err != nil {
		return []string{err.Error()}
	}
	recorded := map[string]bool{}
	expressions := map[string]string{}
	for _, r := range rules {
		recorded[r.Record] = true
		expressions[r.Expr] = r.Record + r.Alert
	}
	for _, q := range queries {
		expressions[q.Filled(anyTarget)] = "dashboard, " + q.Panel
	}
	var faults []string
	for _, text := range slices.Sorted(maps.Keys(expressions)) {
		expr, err := promQL.ParseExpr(text)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", expressions[text], err))
			continue
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if s, ok := node.(*parser.VectorSelector); ok && !recorded[s.Name] && !page.has(s) {
				faults = append(faults, fmt.Sprintf("%s: the worker has no %s", expressions[text], s))
			}
			return nil
		})
	}
	return faults
}

// has reports whether a series matches, but for the labels that a scrape gives it.
func (p Page) has(s *parser.VectorSelector) bool {
	return slices.ContainsFunc(p[s.Name], func(of map[string]string) bool {
		return !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
			given := m.Name == labels.MetricName || m.Name == "job" || m.Name == "instance"
			return !given && !m.Matches(of[m.Name])
		})
	})
}
