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
		{"wrong case of a kind", "memory", "base/service-account.yaml", "kind: ServiceAccount", "kind: Serviceaccount", "Serviceaccount managed-thing-updater/kind"},
		{"wrong case of a member", "memory", "base/deployment.yaml", "readOnlyRootFilesystem", "readonlyRootFilesystem", "readonlyRootFilesystem"},
		{"wrong case of a member in the chart", "memory", "chart/templates/deployment.yaml", "allowPrivilegeEscalation", "allowPrivilegeEscalations", "allowPrivilegeEscalations"},
		{"wrong case of a probe", "memory", "base/deployment.yaml", "readinessProbe", "readinessprobe", "readinessprobe"},
		{"a string for a number", "memory", "base/deployment.yaml", "terminationGracePeriodSeconds: 40", `terminationGracePeriodSeconds: "40"`, "terminationGracePeriodSeconds"},
		{"a typo in a key of KEDA's queue trigger", "dynamodb-keda", "components/keda/scaled-object.yaml", "scaleOnInFlight", "scaleOnInflight", "scaleOnInflight"},
		{"a typo in a key of KEDA's Prometheus trigger", "dynamodb-keda", "components/keda/scaled-object.yaml", "ignoreNullValues", "ignoreNullvalues", "ignoreNullvalues"},
		{"a typo in a key of KEDA in the chart", "dynamodb-keda", "chart/templates/keda.yaml", "queueURL", "queueUrl", "queueUrl"},
		{"a formula with a trigger that is not there", "dynamodb-keda", "components/keda/scaled-object.yaml", "min(messages", "min(message", "formula"},
		{"a formula without the cap", "dynamodb-keda", "components/keda/scaled-object.yaml", "min(messages / 1000, useful)", "max(messages / 1000, useful)", "the quota has use for"},
		{"triggers without a formula, of which KEDA takes the larger", "dynamodb-keda", "components/keda/scaled-object.yaml", "      formula: min(messages / 1000, useful)\n", "", "nothing caps"},
		{"replicas for a Prometheus that is down", "dynamodb-keda", "components/keda/scaled-object.yaml", "  pollingInterval: 30\n", "  pollingInterval: 30\n  fallback:\n    failureThreshold: 3\n    replicas: 5\n", "fallback"},
		{"another metric", "dynamodb-keda", "components/keda/scaled-object.yaml", "worker_useful_replicas", "worker_useful_replica", "query"},
		{"no data taken for no quota", "dynamodb-keda", "components/keda/scaled-object.yaml", `ignoreNullValues: "false"`, `ignoreNullValues: "true"`, "without figures"},
		{"KEDA beside a state in memory", "dynamodb-keda", "overlays/dynamodb-keda/settings.env", "WORKER_STATE=dynamodb://managed-things", "WORKER_STATE=memory", "in memory"},
		{"a shared state that no setting names", "dynamodb", "overlays/dynamodb/settings.env", "WORKER_STATE=dynamodb://managed-things\n", "", "`data.WORKER_STATE` is missing"},
		{"a root user", "memory", "base/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		{"a capability kept", "memory", "base/deployment.yaml", "drop: [ALL]", "drop: [NET_RAW]", "capabilities"},
		{"no seccomp profile", "memory", "base/deployment.yaml", "type: RuntimeDefault", "type: Unconfined", "seccomp"},
		{"a rolling update with the state in memory", "memory", "base/deployment.yaml", "type: Recreate", "type: RollingUpdate", "Recreate"},
		{"two replicas with the state in memory", "memory", "base/deployment.yaml", "replicas: 1", "replicas: 2", "one replica"},
		{"a grace period below the shutdown", "memory", "base/settings.env", "WORKER_SHUTDOWN_TIMEOUT=25s", "WORKER_SHUTDOWN_TIMEOUT=35s", "grace period"},
		{"more held than the memory has room for", "memory", "base/settings.env", "HELD_BYTES=64MiB", "HELD_BYTES=128MiB", "memory limit"},
		{"more state in memory than the memory has room for", "memory", "base/settings.env", "STATE_BYTES=64MiB", "STATE_BYTES=65MiB", "WORKER_STATE_BYTES=65MiB can come to"},
		{"a shared state's memory for one that is in memory", "memory", "base/deployment.yaml", "limits:\n              memory: 416Mi", "limits:\n              memory: 256Mi", "memory limit"},
		{"more held than the chart's memory has room for", "memory", "chart/examples/memory.yaml", "settings:\n", "memoryMiB: 416\nsettings:\n  WORKER_MAX_HELD_BYTES: 128MiB\n", "memoryMiB is 416"},
		{"more state in memory than the chart's memory has room for", "memory", "chart/examples/memory.yaml", "settings:\n", "memoryMiB: 416\nsettings:\n  WORKER_STATE_BYTES: 65MiB\n", "memoryMiB is 416"},
		{"no soft limit of the memory", "memory", "base/deployment.yaml", "374MiB", "416MiB", "GOMEMLIMIT"},
		{"a typo in a setting", "memory", "overlays/memory/settings.env", "WORKER_QUEUE_URL", "WORKER_QUEU_URL", "did you mean WORKER_QUEUE_URL"},
		{"a wrong value of a setting", "memory", "base/settings.env", "HELD_BYTES=64MiB", "HELD_BYTES=1MiB", "WORKER_MAX_HELD_BYTES"},
		{"a typo in a setting of the chart", "memory", "chart/examples/memory.yaml", "WORKER_QUEUE_URL", "WORKER_QUEU_URL", "WORKER_QUEU_URL"},
		{"a setting that the worker does not have", "memory", "overlays/memory/settings.env", "AWS_REGION", "WORKER_COLOUR=blue\nAWS_REGION", "WORKER_COLOUR"},
		{"a secret in the chart's settings", "memory", "chart/examples/memory.yaml", "settings:\n", "settings:\n  WORKER_ADMIN_TOKEN: letmein\n", "WORKER_ADMIN_TOKEN"},
		{"two replicas with the state in memory in the chart", "memory", "chart/examples/memory.yaml", "image:\n", "replicas: 2\nimage:\n", "replicas"},
		{"KEDA beside a state in memory in the chart", "memory", "chart/examples/memory.yaml", "image:\n", "keda:\n  enabled: true\nimage:\n", "keda"},
		{"a probe that asks elsewhere", "memory", "base/deployment.yaml", "path: /readyz", "path: /ready", "readiness"},
		{"a policy for other pods", "memory", "base/network-policy.yaml", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: managed-thing-updater", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: another", "NetworkPolicy does not select"},
		{"a policy without the way to AWS", "memory", "base/network-policy.yaml", "port: 443", "port: 8443", "lets the worker reach"},
		{"a policy that lets everybody in", "memory", "base/network-policy.yaml", "ingress: []", "ingress: [{}]", "reach the worker"},
		{"a budget that holds a node back", "memory", "base/pod-disruption-budget.yaml", "maxUnavailable: 1", "maxUnavailable: 0", "PodDisruptionBudget does not"},
		{"a probe that the chart has otherwise", "memory", "chart/templates/deployment.yaml", "periodSeconds: 10", "periodSeconds: 20", "differs"},
		{"an object that the chart lacks", "memory", "chart/values.yaml", "networkPolicy:\n  enabled: true", "networkPolicy:\n  enabled: false", "NetworkPolicy managed-thing-updater is not in the chart"},
		{"a chart that is not the overlay", "dynamodb", "chart/templates/network-policy.yaml", "port: 443", "port: 8443", "differs"},
		{"the URL of Redis in the open", "redis", "overlays/redis/settings.env", "AWS_REGION", "WORKER_STATE=redis://:secret@redis\nAWS_REGION", "password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := copyOf(t)
			replace(t, root, test.file, test.from, test.to)
			found := faultsOf(root, test.overlay)
			for _, f := range found {
				if strings.Contains(f, test.found) {
					proves(t, "planted: %s; found: %s", test.name, shortened(f))
					return
				}
			}
			t.Errorf("not found; the checks say: %q", found)
		})
	}
}

// shortened is a fault in one line of a bounded length.
func shortened(fault string) string {
	line := []rune(strings.Join(strings.Fields(fault), " "))
	if len(line) > 200 {
		return string(line[:200]) + "…"
	}
	return string(line)
}
