package kubernetes

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestServerSideDryRun has a real kube-apiserver judge the manifests, where KUBE_APISERVER
// names its program. The namespaces enforce Pod Security restricted.
func TestServerSideDryRun(t *testing.T) {
	program := os.Getenv("KUBE_APISERVER")
	if program == "" {
		t.Skip("a target of its own: make verify-kubernetes-live")
	}
	c := newCluster(t, program)
	version, err := c.ask(http.MethodGet, "/version", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var server struct{ GitVersion string }
	if err := json.Unmarshal(version.body, &server); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(KubernetesSource, "@"+server.GitVersion) {
		t.Errorf("the API server is %s, and the schemas are of %s", server.GitVersion, KubernetesSource)
	}
	define(t, c)
	for _, namespace := range []string{installed.Namespace, elsewhereInstalled.Namespace} {
		if fault := c.apply(Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": namespace, "labels": Object{
			"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
		}}}, false); fault != "" {
			t.Fatal(fault)
		}
	}

	all := renderings(t)
	t.Run("every object", func(t *testing.T) {
		objects := 0
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for _, o := range all[name].Objects {
				objects++
				if fault := c.apply(o, true); fault != "" {
					t.Errorf("%s: %s: %s", name, named(o), fault)
				}
			}
		}
		proves(t, "kube-apiserver %s takes all %d objects of the overlays and the chart, strictly, by server-side dry run, and warns of none", server.GitVersion, objects)
	})
	t.Run("the pod", func(t *testing.T) {
		proves(t, "it admits the pod of each Deployment to a namespace that enforces Pod Security restricted")
		for _, name := range slices.Sorted(maps.Keys(all)) {
			account, _ := all[name].Of("ServiceAccount")
			if fault := c.apply(account, false); fault != "" {
				t.Fatal(fault) // no pod is admitted without its account
			}
			if fault := c.apply(podOf(all[name]), true); fault != "" {
				t.Errorf("%s: %s", name, fault)
			}
		}
	})

	for _, test := range []struct {
		name, rendering, kind, from, to string
		found                           string
	}{
		{"wrong case of a probe", "memory", "Deployment", "readinessProbe:", "readinessprobe:", "readinessprobe"},
		{"wrong case of a kind", "memory", "ServiceAccount", "kind: ServiceAccount", "kind: Serviceaccount", "no kind"},
		{"a string for a number", "memory", "Deployment", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: forty", "terminationGracePeriodSeconds"},
		{"a typo in a member of KEDA", "dynamodb-keda", "ScaledObject", "maxReplicaCount", "maxReplicacount", "maxReplicacount"},
		{"a typo in a member of the PodMonitor", "redis", "PodMonitor", "jobLabel", "joblabel", "joblabel"},
		{"a selector of other pods", "memory", "Deployment", "matchLabels:\n      app.kubernetes.io/instance: managed", "matchLabels:\n      app.kubernetes.io/instance: another", "selector"},
		{"a network that is none", "memory", "NetworkPolicy", "169.254.170.23/32", "169.254.170.23/33", "cidr"},
		{"a name that is none", "memory", "ConfigMap", "WORKER_QUEUE_URL", "WORKER QUEUE URL", "WORKER QUEUE URL"},
		{"a pod as root", "memory", "Pod", "runAsNonRoot: true", "runAsNonRoot: false", "violates PodSecurity"},
		{"a pod that keeps a capability", "memory", "Pod", "- ALL", "- NET_RAW", "violates PodSecurity"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := all["overlays/"+test.rendering]
			o, _ := r.Of(test.kind)
			if test.kind == "Pod" {
				o = podOf(r)
			}
			written, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(written), test.from) {
				t.Fatalf("there is no %q in\n%s", test.from, written)
			}
			var planted Object
			if err := yaml.Unmarshal([]byte(strings.Replace(string(written), test.from, test.to, 1)), &planted); err != nil {
				t.Fatal(err)
			}
			fault := c.apply(planted, true)
			if !strings.Contains(fault, test.found) {
				t.Errorf("it says %q", fault)
			}
			proves(t, "planted: %s; it answers: %s", test.name, shortened(fault))
		})
	}
}

// podOf is the pod that the Deployment would make.
func podOf(r Rendering) Object {
	d, _ := r.Of("Deployment")
	pod, _ := at(d, "spec", "template").(Object)
	metadata, _ := pod["metadata"].(Object)
	metadata = maps.Clone(metadata)
	metadata["name"], metadata["namespace"] = text(d, "metadata", "name"), text(d, "metadata", "namespace")
	return Object{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}
}

// define lets the API server know the custom resources, and waits until it does.
func define(t *testing.T, c *cluster) {
	t.Helper()
	for source, paths := range Definitions {
		folder, err := Folder(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			written, err := os.ReadFile(filepath.Join(folder, path))
			if err != nil {
				t.Fatal(err)
			}
			var definition Object
			if err := yaml.Unmarshal(written, &definition); err != nil {
				t.Fatal(err)
			}
			if fault := c.apply(definition, false); fault != "" {
				t.Fatalf("%s: %s", path, fault)
			}
			where := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + text(definition, "metadata", "name")
			c.until(t, path+" is established", func() bool {
				now, err := c.ask(http.MethodGet, where, "", nil)
				var known apiextensionsv1.CustomResourceDefinition
				if err != nil || json.Unmarshal(now.body, &known) != nil {
					return false
				}
				return slices.ContainsFunc(known.Status.Conditions, func(is apiextensionsv1.CustomResourceDefinitionCondition) bool {
					return is.Type == apiextensionsv1.Established && is.Status == apiextensionsv1.ConditionTrue
				})
			})
		}
	}
}
