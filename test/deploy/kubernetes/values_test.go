package kubernetes

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"

	"managed-thing-updater/internal/config"
)

// example are the values of the chart's example of that name, with some changed.
func example(t *testing.T, name, changed string) chartutil.Values {
	t.Helper()
	values, err := chartutil.ReadValuesFile(filepath.Join(deploy, "chart", "examples", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	change, err := chartutil.ReadValues([]byte(changed))
	if err != nil {
		t.Fatal(err)
	}
	return chartutil.CoalesceTables(change, values)
}

// TestMemoryFits holds the chart's reading of sizes, and its formula, against the worker's.
func TestMemoryFits(t *testing.T) {
	sizes := []string{"64MiB", "100 MB", "1gib", "2GB", "20000kB", "30000KiB", "104857600", `"104857600"`, "104857600B", "20GiB"}
	proves(t, "the chart gives and takes as much memory as messages, and state where it is in memory, need, and refuses a MiB less, with sizes in %d ways to write them", len(sizes))
	for i, size := range sizes {
		state := sizes[(i+1)%len(sizes)]
		for kind, bytes := range map[string]int64{"memory": sizeOf(t, size) + sizeOf(t, state), "dynamodb": sizeOf(t, size)} {
			least := int(math.Ceil((ownMemory + heldMemory*float64(bytes)) / (1 << 20)))
			for _, memory := range []int{0, least, least - 1} {
				values := example(t, kind, fmt.Sprintf("memoryMiB: %d\nsettings:\n  WORKER_MAX_HELD_BYTES: %s\n  WORKER_STATE_BYTES: %s\n", memory, size, state))
				r, err := HelmValues(filepath.Join(deploy, "chart"), values, installed)
				if fits := memory != least-1; fits != (err == nil) {
					t.Errorf("%s: %d MiB with %s and %s: %v", kind, memory, size, state, err)
				}
				if err != nil {
					continue
				}
				d, _ := r.Of("Deployment")
				limit := member(d, "spec", "template", "spec", "containers", 0, "resources", "limits", "memory")
				if want := fmt.Sprintf("%dMi", least); limit != want {
					t.Errorf("%s: %d MiB with %s and %s is a limit of %v, want %s", kind, memory, size, state, limit, want)
				}
			}
		}
	}
}

func sizeOf(t *testing.T, text string) int64 {
	t.Helper()
	bytes, err := config.ParseSize(strings.Trim(text, `"`))
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestWhatAnOperatorAdds is about values that no example has.
func TestWhatAnOperatorAdds(t *testing.T) {
	proves(t, "what an operator adds to the chart's values arrives: pull secrets, labels, annotations, tolerations, other accounts and secrets, egress")
	r, err := HelmValues(filepath.Join(deploy, "chart"), example(t, "redis", `
image: {tag: v2.0.0, pullPolicy: Always}
imagePullSecrets: [registry]
secretName: tokens
state: {redis: {secretName: valkey, secretKey: address, port: 6380}}
serviceAccount: {create: false, name: updater}
networkPolicy: {extraEgress: [{ports: [{port: 4317, protocol: TCP}]}]}
podMonitor: {labels: {release: prometheus}, prometheusNamespace: watch}
nodeSelector: {kubernetes.io/arch: arm64}
tolerations: [{key: spot, operator: Exists}]
podAnnotations: {team: homes}
priorityClassName: high
`), installed)
	if err != nil {
		t.Fatal(err)
	}
	reportFaults(t, "the chart", func(r Rendering) ([]string, error) { return SchemaFaults(r, schemas) }, r)
	reportFaults(t, "the chart", PodSecurityFaults, r)
	if _, ok := r.Of("ServiceAccount"); ok {
		t.Error("it makes a ServiceAccount")
	}
	for _, is := range []struct {
		kind, want string
		path       []any
	}{
		{"Deployment", "registry", []any{"spec", "template", "spec", "imagePullSecrets", 0, "name"}},
		{"Deployment", "updater", []any{"spec", "template", "spec", "serviceAccountName"}},
		{"Deployment", "arm64", []any{"spec", "template", "spec", "nodeSelector", "kubernetes.io/arch"}},
		{"Deployment", "spot", []any{"spec", "template", "spec", "tolerations", 0, "key"}},
		{"Deployment", "high", []any{"spec", "template", "spec", "priorityClassName"}},
		{"Deployment", "homes", []any{"spec", "template", "metadata", "annotations", "team"}},
		{"Deployment", "Always", []any{"spec", "template", "spec", "containers", 0, "imagePullPolicy"}},
		{"Deployment", "tokens", []any{"spec", "template", "spec", "containers", 0, "envFrom", 1, "secretRef", "name"}},
		{"Deployment", "valkey", []any{"spec", "template", "spec", "containers", 0, "env", 0, "valueFrom", "secretKeyRef", "name"}},
		{"Deployment", "address", []any{"spec", "template", "spec", "containers", 0, "env", 0, "valueFrom", "secretKeyRef", "key"}},
		{"NetworkPolicy", "6380", []any{"spec", "egress", 3, "ports", 0, "port"}},
		{"NetworkPolicy", "4317", []any{"spec", "egress", 4, "ports", 0, "port"}},
		{"NetworkPolicy", "watch", []any{"spec", "ingress", 0, "from", 0, "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name"}},
		{"PodMonitor", "prometheus", []any{"metadata", "labels", "release"}},
	} {
		o, _ := r.Of(is.kind)
		if got := fmt.Sprint(member(o, is.path...)); got != is.want {
			t.Errorf("%s: %v is %s, want %s", is.kind, is.path, got, is.want)
		}
	}
}

// member follows names and places down an object; nil where there is nothing.
func member(o any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o = at(o, step)
		case int:
			list, _ := o.([]any)
			if step >= len(list) {
				return nil
			}
			o = list[step]
		}
	}
	return o
}
