package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"managed-thing-updater/internal/config"
)

const (
	// What the worker needs in memory: a part of its own, and a multiple of what it may
	// hold of messages and of state in memory.
	ownMemory   = 96 << 20
	heldMemory  = 2.5
	graceBeyond = 10 * time.Second // at least, from the worker's own end to SIGKILL
)

// FactFaults says where the objects disagree with each other or with the worker: names,
// labels and ports; settings, of which the worker's own code is asked; the memory and the
// time that they ask for; how many replicas the state allows.
func FactFaults(r Rendering) ([]string, error) {
	var (
		d       appsv1.Deployment
		account corev1.ServiceAccount
		data    corev1.ConfigMap
		budget  policyv1.PodDisruptionBudget
		network networkingv1.NetworkPolicy
	)
	if err := errors.Join(r.into("Deployment", &d), r.into("ServiceAccount", &account), r.into("ConfigMap", &data),
		r.into("PodDisruptionBudget", &budget), r.into("NetworkPolicy", &network)); err != nil {
		return []string{err.Error()}, nil
	}
	var faults []string
	check := func(holds bool, format string, args ...any) {
		if !holds {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	for _, o := range r.Objects {
		check(text(o, "metadata", "namespace") == d.Namespace, "%s is not in the namespace of the Deployment", named(o))
	}
	pod := d.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		return append(faults, "the pod has not one container"), nil
	}
	c := pod.Containers[0]

	selectors := map[string]*metav1.LabelSelector{"Deployment": d.Spec.Selector, "PodDisruptionBudget": budget.Spec.Selector, "NetworkPolicy": &network.Spec.PodSelector}
	for _, spread := range pod.TopologySpreadConstraints {
		selectors["spread by "+spread.TopologyKey] = spread.LabelSelector
	}
	if monitor, ok := r.Of("PodMonitor"); ok {
		s := &metav1.LabelSelector{MatchLabels: make(map[string]string)}
		chosen, _ := at(monitor, "spec", "selector", "matchLabels").(Object)
		for name, value := range chosen {
			s.MatchLabels[name] = fmt.Sprint(value)
		}
		selectors["PodMonitor"] = s
	}
	for who, s := range selectors {
		selector, err := metav1.LabelSelectorAsSelector(s)
		check(err == nil && !selector.Empty() && selector.Matches(labels.Set(d.Spec.Template.Labels)), "%s does not select the worker's pods", who)
	}
	check(len(pod.TopologySpreadConstraints) == 2, "the pods are not spread over zones and nodes")
	check(pod.ServiceAccountName == account.Name, "the pods run as %q, and the ServiceAccount is %q", pod.ServiceAccountName, account.Name)
	check(slices.ContainsFunc(c.EnvFrom, func(from corev1.EnvFromSource) bool {
		return from.ConfigMapRef != nil && from.ConfigMapRef.Name == data.Name
	}), "the pods do not take the settings from ConfigMap %s", data.Name)

	port := slices.IndexFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == "admin" })
	check(port >= 0 && fmt.Sprintf(":%d", c.Ports[port].ContainerPort) == config.Default().AdminAddr, "port admin is not the worker's %s", config.Default().AdminAddr)
	for name, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		path := map[bool]string{true: "/readyz", false: "/healthz"}[name == "readiness"]
		check(p != nil && p.HTTPGet != nil && p.HTTPGet.Path == path && p.HTTPGet.Port.String() == "admin", "the %s probe does not ask %s", name, path)
	}

	settings, wrong := settingsFaults(c, data)
	faults = append(faults, wrong...)
	check(data.Data["AWS_REGION"] != "", "AWS_REGION is not set")
	check(time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second >= settings.ShutdownTimeout+graceBeyond,
		"the grace period of %d s ends less than %v after the worker's shutdown of %v", *pod.TerminationGracePeriodSeconds, graceBeyond, settings.ShutdownTimeout)

	limit, request := c.Resources.Limits.Memory().Value(), c.Resources.Requests.Memory().Value()
	held, of := settings.MaxHeldBytes, "WORKER_MAX_HELD_BYTES="+config.FormatSize(settings.MaxHeldBytes)
	if settings.StateKind() == config.StateMemory {
		held, of = held+settings.StateBytes, of+" with WORKER_STATE_BYTES="+config.FormatSize(settings.StateBytes)
	}
	least := int64(ownMemory + heldMemory*float64(held))
	check(limit >= least, "a memory limit of %s is less than the %s that %s can come to", config.FormatSize(limit), config.FormatSize(least), of)
	check(request == limit, "the memory that is requested is not the memory that is allowed")
	soft, err := config.ParseSize(envOf(c, "GOMEMLIMIT"))
	check(err == nil && soft >= limit*85/100 && soft <= limit*95/100, "GOMEMLIMIT=%s is not nine tenths of the memory limit, %s", envOf(c, "GOMEMLIMIT"), config.FormatSize(limit))

	check(budget.Spec.MaxUnavailable != nil && budget.Spec.MaxUnavailable.IntValue() == 1, "the PodDisruptionBudget does not let a node that is drained take one worker at a time")
	_, watched := r.Of("PodMonitor")
	faults = append(faults, networkFaults(network.Spec, settings.StateKind() == config.StateRedis, watched)...)

	_, scaled := r.Of("ScaledObject")
	rolling := d.Spec.Strategy.RollingUpdate
	if settings.StateKind() == config.StateMemory {
		check(d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType, "with its state in memory two workers must never overlap: the strategy must be Recreate")
		check(d.Spec.Replicas != nil && *d.Spec.Replicas == 1 && !scaled, "with its state in memory there must be one replica")
	} else {
		check(rolling != nil && rolling.MaxUnavailable.String() == "0", "with a shared state a rollout needs no pause: no replica may be unavailable in it")
		check(scaled == (d.Spec.Replicas == nil), "the number of replicas has two owners, or none")
	}
	slices.Sort(faults)
	return faults, nil
}

// settingsFaults has the worker's own code read the settings that a pod gets.
func settingsFaults(c corev1.Container, data corev1.ConfigMap) (config.Config, []string) {
	environ := make(map[string]string)
	maps.Copy(environ, data.Data)
	for _, e := range c.Env {
		environ[e.Name] = e.Value
		if e.ValueFrom != nil && e.Name == "WORKER_STATE" {
			environ[e.Name] = "rediss://user:secret@redis.example:6379" // what the Secret holds
		}
	}
	var faults []string
	for _, s := range config.Settings {
		if _, open := data.Data[s.Name]; open && s.Secret {
			faults = append(faults, s.Name+" is secret and stands in a ConfigMap")
		}
	}
	if strings.HasPrefix(data.Data["WORKER_STATE"], "redis") {
		faults = append(faults, "WORKER_STATE may hold a password and stands in a ConfigMap")
	}
	var names []string
	for name := range environ {
		names = append(names, name+"=")
	}
	faults = append(faults, config.Warnings(names)...)
	loaded, err := config.Load(func(name string) (string, bool) {
		value, ok := environ[name]
		return value, ok
	}, nil)
	if err != nil {
		faults = append(faults, err.Error())
	}
	return loaded, faults
}

func envOf(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}
