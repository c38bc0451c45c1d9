package observability

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	collectorFile   = "deploy/observability/collector/ecs.yaml"
	parameterLimit  = 4096 // bytes of a standard parameter of Systems Manager
	metricsExporter = "awsemf"
	tracesExporter  = "awsxray"
)

// exporterKeys are what the exporters to AWS know. The module proxy that the project
// builds from does not offer these: their documentation is all that stands behind this.
var exporterKeys = map[string][]string{
	metricsExporter: {
		"namespace", "log_group_name", "log_stream_name", "log_retention", "region", "endpoint", "role_arn", "max_retries",
		"dimension_rollup_option", "metric_declarations", "resource_to_telemetry_conversion", "detailed_metrics", "retain_initial_value_of_delta_metric",
	},
	tracesExporter: {"region", "endpoint", "role_arn", "num_workers", "max_retries", "indexed_attributes", "index_all_attributes", "local_mode"},
}

// exporterActions are what the exporters do in AWS.
var exporterActions = []string{"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments"}

type collectorConfig struct {
	Receivers struct {
		Prometheus struct {
			Config struct {
				Scrapes []struct {
					Static []struct {
						Targets []string
						Labels  map[string]string
					} `yaml:"static_configs"`
					Relabel []struct{ Action, Regex string } `yaml:"metric_relabel_configs"`
				} `yaml:"scrape_configs"`
			}
		}
	}
	Exporters map[string]map[string]any
}

// CollectorFaults are differences between the collector's configuration, what deploy/ecs
// and deploy/iam say of it, and the worker.
func CollectorFaults(root string, page Page) []string {
	text, err := os.ReadFile(filepath.Join(root, collectorFile))
	if err != nil {
		return []string{err.Error()}
	}
	var c collectorConfig
	if err := yaml.Unmarshal(text, &c); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(text) > parameterLimit {
		wrong("%d bytes are more than a parameter of Systems Manager holds", len(text))
	}
	for exporter, keys := range exporterKeys {
		for key := range c.Exporters[exporter] {
			if !slices.Contains(keys, key) {
				wrong("%s has no key %s", exporter, key)
			}
		}
	}
	if len(c.Receivers.Prometheus.Config.Scrapes) != 1 || len(c.Receivers.Prometheus.Config.Scrapes[0].Static) != 1 || len(c.Receivers.Prometheus.Config.Scrapes[0].Relabel) != 1 {
		return append(faults, "it does not scrape one worker and keep some of its metrics")
	}
	scrape := c.Receivers.Prometheus.Config.Scrapes[0]
	kept, err := regexp.Compile("^(?:" + scrape.Relabel[0].Regex + ")$")
	if err != nil {
		return append(faults, err.Error())
	}
	for _, name := range alternatives(scrape.Relabel[0].Regex) {
		if _, ok := page[name]; !ok {
			wrong("the worker has no %s", name)
		}
	}
	dimensions, err := dimensionsOf(c.Exporters[metricsExporter])
	if err != nil {
		return append(faults, err.Error())
	}
	used, err := usedInECS(root)
	if err != nil {
		return append(faults, err.Error())
	}
	namespace := fmt.Sprint(c.Exporters[metricsExporter]["namespace"])
	for _, u := range used {
		if u.namespace != namespace || !kept.MatchString(u.metric) || !slices.Contains(dimensions, u.dimension) {
			wrong("%s uses %s of %s by %s, which the collector does not send", u.file, u.metric, u.namespace, u.dimension)
		}
		if value := scrape.Static[0].Labels[u.dimension]; value != "${env:SERVICE_NAME}" {
			wrong("the label %s is %q", u.dimension, value)
		}
	}
	return append(faults, environmentFaults(root, string(text))...)
}

// alternatives are the names of "prefix(a|b|c)".
func alternatives(regex string) (names []string) {
	prefix, list, _ := strings.Cut(strings.TrimSuffix(regex, ")"), "(")
	for name := range strings.SplitSeq(list, "|") {
		names = append(names, prefix+name)
	}
	return names
}

func dimensionsOf(exporter map[string]any) ([]string, error) {
	raw, err := json.Marshal(exporter["metric_declarations"])
	if err != nil {
		return nil, err
	}
	var declarations []struct{ Dimensions [][]string }
	if err := json.Unmarshal(raw, &declarations); err != nil || len(declarations) != 1 || len(declarations[0].Dimensions) != 1 {
		return nil, fmt.Errorf("%s has not one set of dimensions: %s", metricsExporter, raw)
	}
	return declarations[0].Dimensions[0], nil
}

type ecsMetric struct{ file, namespace, metric, dimension string }

var ecsMetrics = map[string]*regexp.Regexp{
	"deploy/ecs/cloudformation.yaml":  regexp.MustCompile(`Namespace: (\S+)\s+MetricName: (worker_\w+)\s+Dimensions: \[\{Name: (\w+),`),
	"deploy/ecs/terraform/scaling.tf": regexp.MustCompile(`namespace += (\S+)\s+metric_name += "(worker_\w+)"\s+dimensions \{\s+name += "(\w+)"`),
	"deploy/ecs/terraform/alarms.tf":  regexp.MustCompile(`namespace += (\S+)\s+(?:\w+ += \S+\s+)*?metric_name += "(worker_\w+)"\s+dimensions += \{ *(\w+) +=`),
}

// usedInECS are the worker's metrics that deploy/ecs looks at in CloudWatch.
func usedInECS(root string) (all []ecsMetric, err error) {
	for _, file := range slices.Sorted(maps.Keys(ecsMetrics)) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		found := ecsMetrics[file].FindAllStringSubmatch(string(text), -1)
		if len(found) != strings.Count(string(text), `worker_useful_replicas`)+strings.Count(string(text), `worker_circuit_open`) {
			return nil, fmt.Errorf("%s speaks of the worker's metrics in another form", file)
		}
		for _, f := range found {
			all = append(all, ecsMetric{file, strings.Replace(f[1], "local.metrics_namespace", "ManagedThingUpdater", 1), f[2], f[3]})
		}
	}
	return all, nil
}

var environment = regexp.MustCompile(`\$\{env:(\w+)\}`)

// environmentFaults holds the variables, and what the role allows, against deploy/ecs
// and deploy/iam.
func environmentFaults(root, config string) (faults []string) {
	template, err := os.ReadFile(filepath.Join(root, "deploy/ecs/cloudformation.yaml"))
	if err != nil {
		return []string{err.Error()}
	}
	for _, v := range environment.FindAllStringSubmatch(config, -1) {
		if !strings.Contains(string(template), "{Name: "+v[1]+",") {
			faults = append(faults, "deploy/ecs does not set "+v[1])
		}
	}
	if !strings.Contains(string(template), "{Name: OTEL_EXPORTER_OTLP_ENDPOINT, Value: http://127.0.0.1:4318}") {
		faults = append(faults, "deploy/ecs does not lead the worker's traces to the collector")
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/iam/collector.json"))
	if err != nil {
		return append(faults, err.Error())
	}
	var policy struct {
		Statement []struct{ Action any }
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		return append(faults, err.Error())
	}
	var allowed []string
	for _, s := range policy.Statement {
		switch a := s.Action.(type) {
		case string:
			allowed = append(allowed, a)
		case []any:
			for _, action := range a {
				allowed = append(allowed, fmt.Sprint(action))
			}
		}
	}
	slices.Sort(allowed)
	if !reflect.DeepEqual(allowed, exporterActions) {
		faults = append(faults, fmt.Sprintf("the exporters do %v, deploy/iam/collector.json allows %v", exporterActions, allowed))
	}
	return faults
}
