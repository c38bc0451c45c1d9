package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/expr-lang/expr"
	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"helm.sh/helm/v3/pkg/chartutil"
)

// UsefulReplicas is the worker's metric that caps the number of replicas.
const UsefulReplicas = "worker_useful_replicas"

// KEDAFaults says what KEDA would take in silence or refuse only when it runs: keys that
// a trigger does not have, a formula that does not compile, and triggers that ask about
// another queue, Region or job than the worker's. Nothing where there is no ScaledObject.
func KEDAFaults(r Rendering, schemas string) ([]string, error) {
	if _, ok := r.Of("ScaledObject"); !ok {
		return nil, nil
	}
	var scaled keda.ScaledObject
	if err := r.into("ScaledObject", &scaled); err != nil {
		return []string{err.Error()}, nil
	}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	triggers := make(map[string]keda.ScaleTriggers)
	for _, t := range scaled.Spec.Triggers {
		triggers[t.Name] = t
		if err := triggerFault(t, schemas); err != nil {
			fault("trigger %q: %v", t.Name, err)
		}
		if t.AuthenticationRef != nil {
			if o, ok := r.Of("TriggerAuthentication"); !ok || text(o, "metadata", "name") != t.AuthenticationRef.Name {
				fault("trigger %q: there is no TriggerAuthentication %s", t.Name, t.AuthenticationRef.Name)
			}
		}
	}
	deployment, _ := r.Of("Deployment")
	settings, _ := r.Of("ConfigMap")
	if scaled.Spec.ScaleTargetRef == nil || scaled.Spec.ScaleTargetRef.Name != text(deployment, "metadata", "name") {
		fault("it does not scale the Deployment")
	}
	messages, useful := triggers["messages"].Metadata, triggers["useful"].Metadata
	if got, want := messages["queueURL"], text(settings, "data", "WORKER_QUEUE_URL"); got != want {
		fault("it counts the messages of %s; the worker's queue is %s", got, want)
	}
	if got, want := messages["awsRegion"], text(settings, "data", "AWS_REGION"); got != want {
		fault("it asks in %s; the worker's Region is %s", got, want)
	}
	query := fmt.Sprintf("sum(%s{namespace=%q,job=%q})", UsefulReplicas, text(deployment, "metadata", "namespace"),
		text(deployment, "spec", "template", "metadata", "labels", "app.kubernetes.io/instance"))
	if useful["query"] != query {
		fault("its query is %s, want %s", useful["query"], query)
	}
	if useful["ignoreNullValues"] != "false" {
		fault("without figures from Prometheus it takes the quota for nothing, and stops workers")
	}
	if monitor, ok := r.Of("PodMonitor"); !ok || text(monitor, "spec", "jobLabel") != "app.kubernetes.io/instance" {
		fault("no PodMonitor gives the metrics the job that the query asks for")
	}
	if scaled.Spec.Fallback != nil {
		fault("its fallback sets the number of replicas where one of its triggers cannot be read")
	}
	for _, useful := range []float64{0, 0.011, 1, 7.5} {
		got, err := Replicas(scaled, 1e9, useful)
		if err != nil {
			fault("%v", err)
			break
		}
		if got != useful {
			fault("its formula comes to %v where the quota has use for %v", got, useful)
		}
	}
	return faults, nil
}

// triggerFault holds a trigger against what KEDA lists for its kind. KEDA itself
// ignores a key that it does not know.
func triggerFault(t keda.ScaleTriggers, schemas string) error {
	schema, err := os.ReadFile(filepath.Join(schemas, "keda-trigger-"+t.Type+".json"))
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(t.Metadata)
	if err != nil {
		return err
	}
	var values chartutil.Values
	if err := json.Unmarshal(metadata, &values); err != nil {
		return err
	}
	if err := chartutil.ValidateAgainstSingleSchema(values, schema); err != nil {
		return fmt.Errorf("%s", strings.Join(strings.Fields(err.Error()), " "))
	}
	return nil
}

// Replicas is how many KEDA and the autoscaler would ask for in the end, were the
// triggers' values these. KEDA's own code compiles the formula, and the target is 1 for
// each replica.
func Replicas(scaled keda.ScaledObject, messages, useful float64) (float64, error) {
	if scaled.Spec.Advanced == nil || scaled.Spec.Advanced.ScalingModifiers.Formula == "" {
		return 0, errors.New("there is no formula: KEDA takes the larger of its triggers, and nothing caps the queue's")
	}
	own := scaled.DeepCopy() // compiling changes the formula
	program, err := keda.ValidateAndCompileScalingModifiers(own)
	if err != nil {
		return 0, err
	}
	if m := own.Spec.Advanced.ScalingModifiers; m.Target != "1" || m.MetricType != "AverageValue" {
		return 0, fmt.Errorf("the formula's target is %s by %s, want 1 by AverageValue", m.Target, m.MetricType)
	}
	out, err := expr.Run(program, map[string]any{"messages": messages, "useful": useful})
	if err != nil {
		return 0, err
	}
	return out.(float64), nil
}
