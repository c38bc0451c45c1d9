package kubernetes

import (
	"fmt"
	"maps"
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

// installed is the release that must be what the overlays are.
var (
	installed          = Release{Name: "managed-thing-updater", Namespace: "managed-thing-updater"}
	elsewhereInstalled = Release{Name: "hubs", Namespace: "homes"}
)

// checks are run on every rendering; each has a word for what it proves.
var checks = []struct {
	proof string
	run   func(Rendering) ([]string, error)
}{
	{"have no member, value or case that the schemas of Kubernetes 1.33, KEDA and the Prometheus operator do not have (kubeconform -strict)", func(r Rendering) ([]string, error) { return SchemaFaults(r, schemas) }},
	{"pass Pod Security restricted, by the admission plugin's own code", PodSecurityFaults},
	{"agree with themselves and with the worker's own code: settings, memory, grace period, replicas, strategy, probes, selectors, network", FactFaults},
	{"have no trigger key that KEDA does not know, and a formula that KEDA compiles", func(r Rendering) ([]string, error) { return KEDAFaults(r, schemas) }},
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

// renderings are what the overlays come to, and the chart's examples, these as two
// releases of different names.
func renderings(t *testing.T) map[string]Rendering {
	t.Helper()
	all := make(map[string]Rendering)
	for _, name := range overlays {
		r, err := Kustomize(filepath.Join(deploy, "overlays", name))
		if err != nil {
			t.Fatalf("overlays/%s: %v", name, err)
		}
		all["overlays/"+name] = r
		for _, release := range []Release{installed, elsewhereInstalled} {
			r, err := Helm(filepath.Join(deploy, "chart"), filepath.Join(deploy, "chart", "examples", name+".yaml"), release)
			if err != nil {
				t.Fatalf("chart/examples/%s: %v", name, err)
			}
			all[fmt.Sprintf("chart/examples/%s as %s", name, release.Name)] = r
		}
	}
	return all
}

func TestManifests(t *testing.T) {
	all := renderings(t)
	scaled := 0
	for _, r := range all {
		if _, ok := r.Of("ScaledObject"); ok {
			scaled++
		}
	}
	if scaled != 3 {
		t.Errorf("%d renderings have a ScaledObject, want the overlay and its chart under two names", scaled)
	}
	for _, c := range checks {
		t.Run(c.proof, func(t *testing.T) {
			proves(t, "the overlays %s and the chart's examples %s", strings.Join(overlays, ", "), c.proof)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				reportFaults(t, name, c.run, all[name])
			}
		})
	}
	t.Run("the chart is what the overlays are", func(t *testing.T) {
		objects := 0
		for _, name := range overlays {
			helm := all[fmt.Sprintf("chart/examples/%s as %s", name, installed.Name)]
			objects += len(helm.Objects)
			for _, d := range Differences(all["overlays/"+name], helm) {
				t.Errorf("%s: %s", name, d)
			}
		}
		proves(t, "the chart renders what Kustomize does, %d objects member by member", objects)
	})
	t.Run("helm lint", func(t *testing.T) {
		proves(t, "helm lint --strict finds nothing in the chart with each of its examples")
		for _, name := range overlays {
			if err := HelmLint(filepath.Join(deploy, "chart"), filepath.Join(deploy, "chart", "examples", name+".yaml")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("two releases", func(t *testing.T) {
		proves(t, "two releases of the chart share no object's name")
		for _, name := range overlays {
			for _, o := range all[fmt.Sprintf("chart/examples/%s as %s", name, elsewhereInstalled.Name)].Objects {
				if text(o, "metadata", "name") != "hubs-managed-thing-updater" || text(o, "metadata", "namespace") != "homes" {
					t.Errorf("%s would collide with another release", named(o))
				}
			}
		}
	})
}

func reportFaults(t *testing.T, name string, run func(Rendering) ([]string, error), r Rendering) {
	t.Helper()
	faults, err := run(r)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, f := range faults {
		t.Errorf("%s: %s", name, f)
	}
}

// TestRollout is about what a change of a setting does: the pods are new.
func TestRollout(t *testing.T) {
	chart := filepath.Join(deploy, "chart")
	t.Run("a changed setting", func(t *testing.T) {
		proves(t, "a changed setting is a rollout, with Kustomize and with Helm")
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
	t.Run("numbers", func(t *testing.T) {
		proves(t, "numbers among the chart's settings reach the worker as they were written")
		values, err := chartutil.ReadValuesFile(filepath.Join(chart, "examples", "memory.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		settings := values["settings"].(map[string]any)
		maps.Copy(settings, map[string]any{"WORKER_MAX_HELD": 100000.0, "WORKER_RATE_START": 0.5, "WORKER_RATE_MAX": "100000", "WORKER_SKIP_UNCHANGED": 0.0})
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
		reportFaults(t, "the chart", FactFaults, r)
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
			proves(t, "KEDA's formula with %v messages and %v useful replicas comes to %v: %s", test.messages, test.useful, test.want, test.name)
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
	proves(t, "every overlay and every example of the chart is among those checked")
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
