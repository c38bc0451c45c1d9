package kubernetes

import (
	"strings"
	"testing"
)

// TestPlantedFault plants a fault in a copy of the manifests, and the checks find it.
func TestPlantedFault(t *testing.T) {
	for _, test := range []struct {
		name, overlay, file, from, to string
		found                         string // part of what the checks say
	}{
		{"wrong case of a kind", "memory", "base/service-account.yaml", "kind: ServiceAccount", "kind: Serviceaccount", "Serviceaccount"},
		{"wrong case of a member", "memory", "base/deployment.yaml", "readOnlyRootFilesystem", "readonlyRootFilesystem", "readonlyRootFilesystem"},
		{"wrong case of a member in the chart", "memory", "chart/templates/deployment.yaml", "allowPrivilegeEscalation", "allowPrivilegeEscalations", "allowPrivilegeEscalations"},
		{"a string for a number", "memory", "base/deployment.yaml", "terminationGracePeriodSeconds: 40", `terminationGracePeriodSeconds: "40"`, "terminationGracePeriodSeconds"},
		{"a typo in a key of KEDA's queue trigger", "dynamodb-keda", "components/keda/scaled-object.yaml", "scaleOnInFlight", "scaleOnInflight", "scaleOnInflight"},
		{"a typo in a key of KEDA's Prometheus trigger", "dynamodb-keda", "components/keda/scaled-object.yaml", "ignoreNullValues", "ignoreNullvalues", "ignoreNullvalues"},
		{"a typo in a key of KEDA in the chart", "dynamodb-keda", "chart/templates/keda.yaml", "queueURL", "queueUrl", "queueUrl"},
		{"a formula with a trigger that is not there", "dynamodb-keda", "components/keda/scaled-object.yaml", "min(messages", "min(message", "formula"},
		{"another metric", "dynamodb-keda", "components/keda/scaled-object.yaml", "worker_useful_replicas", "worker_useful_replica", "query"},
		{"no data taken for no quota", "dynamodb-keda", "components/keda/scaled-object.yaml", `ignoreNullValues: "false"`, `ignoreNullValues: "true"`, "without figures"},
		{"KEDA beside a state in memory", "dynamodb-keda", "overlays/dynamodb-keda/kustomization.yaml", "  - ../../components/dynamodb\n", "", "in memory"},
		{"a root user", "memory", "base/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		{"a capability kept", "memory", "base/deployment.yaml", "drop: [ALL]", "drop: [NET_RAW]", "capabilities"},
		{"no seccomp profile", "memory", "base/deployment.yaml", "type: RuntimeDefault", "type: Unconfined", "seccomp"},
		{"a rolling update with the state in memory", "memory", "base/deployment.yaml", "type: Recreate", "type: RollingUpdate", "Recreate"},
		{"two replicas with the state in memory", "memory", "base/deployment.yaml", "replicas: 1", "replicas: 2", "one replica"},
		{"a grace period below the shutdown", "memory", "base/settings.env", "WORKER_SHUTDOWN_TIMEOUT=25s", "WORKER_SHUTDOWN_TIMEOUT=35s", "grace period"},
		{"more held than the memory has room for", "memory", "base/settings.env", "64MiB", "128MiB", "memory limit"},
		{"no soft limit of the memory", "memory", "base/deployment.yaml", "230MiB", "256MiB", "GOMEMLIMIT"},
		{"a typo in a setting", "memory", "overlays/memory/settings.env", "WORKER_QUEUE_URL", "WORKER_QUEU_URL", "did you mean WORKER_QUEUE_URL"},
		{"a wrong value of a setting", "memory", "base/settings.env", "64MiB", "1MiB", "WORKER_MAX_HELD_BYTES"},
		{"a typo in a setting of the chart", "memory", "chart/examples/memory.yaml", "WORKER_QUEUE_URL", "WORKER_QUEU_URL", "WORKER_QUEU_URL"},
		{"a secret in the chart's settings", "memory", "chart/examples/memory.yaml", "settings:\n", "settings:\n  WORKER_ADMIN_TOKEN: letmein\n", "WORKER_ADMIN_TOKEN"},
		{"two replicas with the state in memory in the chart", "memory", "chart/examples/memory.yaml", "image:\n", "replicas: 2\nimage:\n", "replicas"},
		{"KEDA beside a state in memory in the chart", "memory", "chart/examples/memory.yaml", "image:\n", "keda:\n  enabled: true\nimage:\n", "keda"},
		{"a probe that asks elsewhere", "memory", "base/deployment.yaml", "path: /readyz", "path: /ready", "readiness"},
		{"a policy for other pods", "memory", "base/network-policy.yaml", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: managed-thing-updater", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: another", "NetworkPolicy does not select"},
		{"a chart that is not the overlay", "dynamodb", "chart/templates/network-policy.yaml", "port: 443", "port: 8443", "differs"},
		{"the URL of Redis in the open", "redis", "overlays/redis/settings.env", "AWS_REGION", "WORKER_STATE=redis://:secret@redis\nAWS_REGION", "password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := copyOf(t)
			replace(t, root, test.file, test.from, test.to)
			found := faultsOf(root, test.overlay)
			for _, f := range found {
				if strings.Contains(f, test.found) {
					return
				}
			}
			t.Errorf("not found; the checks say: %q", found)
		})
	}
}
