package kubernetes

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"

	"managed-thing-updater/internal/config"
)

func TestValuesSchema(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join(deploy, "chart", "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("has the worker's settings as they are now", func(t *testing.T) {
		proves(t, "values.schema.json has the worker's settings as they are in its own table")
		if now, err := ValuesSchema(committed); err != nil || !bytes.Equal(now, committed) {
			t.Errorf("chart/values.schema.json is not what the worker's settings make it (%v); run make kubernetes-schemas", err)
		}
	})
	values := func(path ...any) chartutil.Values {
		v, err := chartutil.ReadValuesFile(filepath.Join(deploy, "chart", "values.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		given, err := chartutil.ReadValuesFile(filepath.Join(deploy, "chart", "examples", "dynamodb-keda.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		v = chartutil.CoalesceTables(given, v)
		at := map[string]any(v)
		for _, name := range path[:len(path)-2] {
			at = at[name.(string)].(map[string]any)
		}
		at[path[len(path)-2].(string)] = path[len(path)-1]
		return v
	}
	t.Run("takes every default of the worker", func(t *testing.T) {
		proves(t, "values.schema.json takes every default of the worker")
		for _, v := range config.Default().InForce() {
			if v.Text == "" || v.Setting.Secret || v.Setting.Required || v.Setting.Name == "WORKER_STATE" || v.Setting.Name == "WORKER_SHUTDOWN_TIMEOUT" || v.Setting.Name == "WORKER_ADMIN_ADDR" {
				continue
			}
			if err := chartutil.ValidateAgainstSingleSchema(values("settings", v.Setting.Name, v.Text), committed); err != nil {
				t.Errorf("%s=%s: %v", v.Setting.Name, v.Text, err)
			}
		}
	})
	t.Run("refuses what cannot be right", func(t *testing.T) {
		proves(t, "values.schema.json takes none of %d values that cannot be right", len(wrongValues))
		for _, wrong := range wrongValues {
			if err := chartutil.ValidateAgainstSingleSchema(values(wrong...), committed); err == nil {
				t.Errorf("it takes %v", wrong)
			}
		}
	})
}

// wrongValues are each a path into the values, and a value.
var wrongValues = [][]any{
	{"settings", "WORKER_LOG_LEVEL", "loud"},
	{"settings", "WORKER_WAIT_TIME", 20},
	{"settings", "WORKER_MAX_HELD", "many"},
	{"settings", "WORKER_MAX_HELD_BYTES", "64Mi"},
	{"settings", "WORKER_MAX_HELD_BYTES", "1.5GiB"},
	{"settings", "WORKER_STATE", "memory"},
	{"settings", "WORKER_ADMIN_TOKEN", "letmein"},
	{"settings", "WORKER_QUEUE_URL", "my-queue"},
	{"settings", "AWS_REGION", ""},
	{"image", "repository", ""},
	{"image", "tags", "v1"},
	{"memoryMiB", "256Mi"},
	{"state", "type", "memory"}, // beside KEDA
	{"state", "type", "sqlite"},
	{"state", "dynamodb", "table", "a b"},
	{"replica", 1},
	{"keda", "minReplicas", 0},
	{"serviceAccount", "create", false}, // without a name
	{"serviceAccount", "roleArn", "managed-thing-updater"},
}
