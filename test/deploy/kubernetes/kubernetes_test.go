package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"helm.sh/helm/v3/pkg/chartutil"
)

const (
	deploy  = "../../../deploy/kubernetes"
	schemas = "schemas"
)

// overlays are also the names of the chart's examples.
var overlays = []string{"memory", "dynamodb", "redis", "dynamodb-keda"}

var installed = Release{Name: "managed-thing-updater", Namespace: "managed-thing-updater"}

// checks are run on every rendering.
var checks = []struct {
	name string
	run  func(Rendering) ([]string, error)
}{
	{"has the schemas of Kubernetes 1.33, KEDA and the Prometheus operator", func(r Rendering) ([]string, error) { return SchemaFaults(r, schemas) }},
	{"passes Pod Security restricted", PodSecurityFaults},
	{"agrees with itself and with the worker", FactFaults},
	{"has triggers and a formula that KEDA knows", func(r Rendering) ([]string, error) { return KEDAFaults(r, schemas) }},
}

// faultsOf is what all checks find in the overlay and in the chart's example beside it.
func faultsOf(root, overlay string) []string {
	kustomize, err := Kustomize(filepath.Join(root, "overlays", overlay))
	if err != nil {
		return []string{err.Error()}
	}
	example := filepath.Join(root, "chart", "examples", overlay+".yaml")
	helm, err := Helm(filepath.Join(root, "chart"), example, installed)
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, r := range []Rendering{kustomize, helm} {
		for _, c := range checks {
			faults, err := c.run(r)
			if err != nil {
				faults = append(faults, err.Error())
			}
			all = append(all, faults...)
		}
	}
	if err := HelmLint(filepath.Join(root, "chart"), example); err != nil {
		all = append(all, err.Error())
	}
	return append(all, Differences(kustomize, helm)...)
}

func TestOverlay(t *testing.T) {
	for _, overlay := range overlays {
		r, err := Kustomize(filepath.Join(deploy, "overlays", overlay))
		if err != nil {
			t.Errorf("%s: %v", overlay, err)
			continue
		}
		for _, c := range checks {
			if _, scaled := r.Of("ScaledObject"); !scaled && strings.Contains(c.name, "KEDA knows") {
				continue
			}
			t.Run(overlay+" "+c.name, func(t *testing.T) { reportFaults(t, c.run, r) })
		}
	}
}

func TestChart(t *testing.T) {
	chart := filepath.Join(deploy, "chart")
	for _, name := range overlays {
		example := filepath.Join(chart, "examples", name+".yaml")
		t.Run(name+" passes helm lint", func(t *testing.T) {
			if err := HelmLint(chart, example); err != nil {
				t.Error(err)
			}
		})
		r, err := Helm(chart, example, installed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, c := range checks {
			if _, scaled := r.Of("ScaledObject"); !scaled && strings.Contains(c.name, "KEDA knows") {
				continue
			}
			t.Run(name+" "+c.name, func(t *testing.T) { reportFaults(t, c.run, r) })
		}
		t.Run(name+" renders what the overlay renders", func(t *testing.T) {
			kustomize, err := Kustomize(filepath.Join(deploy, "overlays", name))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range Differences(kustomize, r) {
				t.Error(d)
			}
		})
		t.Run(name+" holds under another name beside the first", func(t *testing.T) {
			other, err := Helm(chart, example, Release{Name: "hubs", Namespace: "homes"})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range checks {
				reportFaults(t, c.run, other)
			}
			for _, o := range other.Objects {
				if text(o, "metadata", "name") != "hubs-managed-thing-updater" {
					t.Errorf("%s would collide with another release", named(o))
				}
			}
		})
	}
}

func reportFaults(t *testing.T, run func(Rendering) ([]string, error), r Rendering) {
	t.Helper()
	faults, err := run(r)
	if err != nil {
		t.Error(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

// TestRollout is about what a change of a setting does: the pods are new.
func TestRollout(t *testing.T) {
	chart := filepath.Join(deploy, "chart")
	t.Run("a changed setting is a rollout with Kustomize and with Helm", func(t *testing.T) {
		copied := copyOf(t)
		pods := func() (text []string) {
			k, err := Kustomize(filepath.Join(copied, "overlays", "memory"))
			if err != nil {
				t.Fatal(err)
			}
			h, err := Helm(filepath.Join(copied, "chart"), filepath.Join(copied, "chart", "examples", "memory.yaml"), installed)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []Rendering{k, h} {
				d, _ := r.Of("Deployment")
				text = append(text, fmt.Sprint(at(d, "spec", "template")))
			}
			return text
		}
		before := pods()
		replace(t, copied, "overlays/memory/settings.env", "AWS_REGION", "WORKER_LOG_LEVEL=debug\nAWS_REGION")
		replace(t, copied, "chart/examples/memory.yaml", "settings:\n", "settings:\n  WORKER_LOG_LEVEL: debug\n")
		for n, after := range pods() {
			if after == before[n] {
				t.Errorf("the pods of %s stay as they were", []string{"Kustomize", "Helm"}[n])
			}
		}
	})
	t.Run("numbers reach the worker as they were written", func(t *testing.T) {
		values, err := chartutil.ReadValuesFile(filepath.Join(chart, "examples", "memory.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		settings := values["settings"].(map[string]any)
		for name, value := range map[string]any{"WORKER_MAX_HELD": 100000.0, "WORKER_RATE_START": 0.5, "WORKER_RATE_MAX": "1000000", "WORKER_SKIP_UNCHANGED": 0.0} {
			settings[name] = value
		}
		settings["WORKER_RATE_MAX"] = "100000"
		r, err := HelmValues(chart, values, installed)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := r.Of("ConfigMap")
		for name, want := range map[string]string{"WORKER_MAX_HELD": "100000", "WORKER_RATE_START": "0.5", "WORKER_RATE_MAX": "100000", "WORKER_SKIP_UNCHANGED": "0"} {
			if got := text(data, "data", name); got != want {
				t.Errorf("%s=%s, want %s", name, got, want)
			}
		}
		reportFaults(t, FactFaults, r)
	})
}

// TestReplicas plays the formula: what the queue asks for, capped by what the quota has
// use for.
func TestReplicas(t *testing.T) {
	r, err := Kustomize(filepath.Join(deploy, "overlays", "dynamodb-keda"))
	if err != nil {
		t.Fatal(err)
	}
	var scaled keda.ScaledObject
	if err := r.into("ScaledObject", &scaled); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name             string
		messages, useful float64
		want             float64 // before the autoscaler rounds up
	}{
		{"a deep queue under a quota of 10 calls a second adds no replica", 1_000_000, 0.011, 0.011},
		{"a throttled worker with a deep queue adds no replica", 1_000_000, 0.2, 0.2},
		{"an outage leaves one replica as it is", 1_000_000, 1, 1},
		{"a busy worker with a deep queue gets a second one", 1_000_000, 1.43, 1.43},
		{"a shallow queue needs no replicas that the quota would allow", 500, 5, 0.5},
		{"an empty queue needs none", 0, 0.011, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Replicas(scaled, test.messages, test.useful)
			if err != nil || got != test.want {
				t.Errorf("%v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func copyOf(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(deploy)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func replace(t *testing.T, folder, file, from, to string) {
	t.Helper()
	path := filepath.Join(folder, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryOverlayIsChecked holds the list against the folders.
func TestEveryOverlayIsChecked(t *testing.T) {
	for folder, suffix := range map[string]string{"overlays": "", "chart/examples": ".yaml"} {
		entries, err := os.ReadDir(filepath.Join(deploy, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !slices.Contains(overlays, strings.TrimSuffix(e.Name(), suffix)) {
				t.Errorf("%s/%s is checked by nothing", folder, e.Name())
			}
		}
	}
}
