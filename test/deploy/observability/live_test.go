package observability

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLive has a real Prometheus with the rules scrape the worker of make run.
func TestLive(t *testing.T) {
	programs := t.TempDir()
	build(t, project, programs, "worker", "localcloud/demo")
	d := startDemo(t, programs)
	page := d.page(t)
	t.Run("the worker has every series of the rules and the dashboard", func(t *testing.T) {
		report(t, UnknownSeries(project, page))
	})
	t.Run("the collector's configuration fits deploy ecs, deploy iam and the worker", func(t *testing.T) {
		report(t, CollectorFaults(project, page))
	})
	p := startPrometheus(t, d.admin, quickened(t, project, t.TempDir()))
	t.Run("every query of the dashboard returns data, its variables filled in", func(t *testing.T) {
		var faults []string
		until(t, 3*time.Minute, "all queries return data", func() error {
			if faults = p.EmptyQueries(project); len(faults) > 0 {
				return errors.New(strings.Join(faults, "\n"))
			}
			return nil
		})
		queries, err := Queries(project)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d queries", len(queries))
	})
	t.Run("planted faults of the dashboard's queries are found", func(t *testing.T) {
		root := copyOf(t)
		replace(t, root, dashboardFile, `result=\"throttled\"`, `result=\"throttle\"`)
		found(t, p.EmptyQueries(root), "Calls and the learned rate: no data")
		root = copyOf(t)
		replace(t, root, dashboardFile, `sum by (action) (rate(`, `sum by (action) (rates(`)
		found(t, p.EmptyQueries(root), "Requests to SQS by action: no data")
	})
	t.Run("an alert fires in an outage and clears after it", func(t *testing.T) { outage(t, d, p) })
	t.Run("every rule was evaluated without an error", func(t *testing.T) {
		evaluated, faults := p.RuleFaults()
		report(t, faults)
		rules, err := Rules(project)
		if err != nil || len(rules) != evaluated {
			t.Errorf("%d of %d rules were evaluated (%v)", evaluated, len(rules), err)
		}
	})
}

// outage has the API answer every call with 503, and ends that again.
func outage(t *testing.T, d demo, p prometheus) {
	const name = "WorkerCircuitOpen"
	if a, there, err := p.alert(name); there || err != nil {
		t.Fatalf("before the outage: %v %v", a, err)
	}
	began := time.Now()
	d.faults(t, `{"api":{"unavailable":1}}`)
	var seen alert
	until(t, 2*time.Minute, name+" fires", func() error {
		a, _, err := p.alert(name)
		if seen = a; a.State != "firing" {
			return errors.Join(err, fmt.Errorf("it is %q", a.State))
		}
		return nil
	})
	fired := time.Since(began)
	if seen.Labels["reason"] != "failing" || seen.Labels["severity"] != "critical" || !strings.Contains(seen.Annotations["summary"], "failing") {
		t.Errorf("%v %v", seen.Labels, seen.Annotations)
	}
	began = time.Now()
	d.faults(t, `{}`)
	until(t, 2*time.Minute, name+" clears", func() error {
		if _, there, err := p.alert(name); there || err != nil {
			return errors.Join(err, errors.New("it is there"))
		}
		return nil
	})
	t.Logf("with its minutes made seconds it fired %.0f s after the outage began and cleared %.0f s after its end", fired.Seconds(), time.Since(began).Seconds())
}
