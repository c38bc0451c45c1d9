package kubernetes

import (
	"fmt"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// networkFaults says what a NetworkPolicy lets through that the worker does not need, and
// what it needs and is not let through. A port with no peers beside it is open to all.
func networkFaults(spec networkingv1.NetworkPolicySpec, redis, watched bool) []string {
	var faults []string
	if len(spec.PolicyTypes) != 2 {
		faults = append(faults, "the NetworkPolicy does not rule both directions")
	}
	out := map[string]string{"53/UDP": "all", "53/TCP": "all", "443/TCP": "all", "80/TCP": "169.254.170.23/32 fd00:ec2::23/128"}
	if redis {
		out["6379/TCP"] = "all"
	}
	in := make(map[string]string)
	if watched {
		in["admin/TCP"] = "namespace monitoring"
	}
	reached, reachedBy := make(map[string]string), make(map[string]string)
	for _, rule := range spec.Egress {
		open(reached, rule.Ports, rule.To)
	}
	for _, rule := range spec.Ingress {
		open(reachedBy, rule.Ports, rule.From)
	}
	if !maps.Equal(reached, out) {
		faults = append(faults, fmt.Sprintf("the NetworkPolicy lets the worker reach %v, want %v", reached, out))
	}
	if !maps.Equal(reachedBy, in) {
		faults = append(faults, fmt.Sprintf("the NetworkPolicy lets %v reach the worker, want %v", reachedBy, in))
	}
	return faults
}

// open adds a rule's ports and who is at the other end of each.
func open(ports map[string]string, of []networkingv1.NetworkPolicyPort, peers []networkingv1.NetworkPolicyPeer) {
	var who []string
	for _, p := range peers {
		switch {
		case p.IPBlock != nil:
			who = append(who, p.IPBlock.CIDR)
		case p.NamespaceSelector != nil:
			who = append(who, "namespace "+p.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
		default:
			who = append(who, "pods "+p.PodSelector.String())
		}
	}
	if len(peers) == 0 {
		who = []string{"all"}
	}
	slices.Sort(who)
	if len(of) == 0 {
		of = []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromString("any"))}}
	}
	for _, p := range of {
		protocol := "TCP"
		if p.Protocol != nil {
			protocol = string(*p.Protocol)
		}
		name := p.Port.String() + "/" + protocol
		for _, w := range who {
			if ports[name] != "" {
				ports[name] += " "
			}
			ports[name] += w
		}
	}
}
