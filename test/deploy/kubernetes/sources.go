package kubernetes

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

// Where the rules come from that the manifests are held against. They come as Go modules,
// so go.sum's database vouches for them. Kubernetes is the oldest that the manifests are
// for: what is stable there is in every later one.
const (
	KubernetesSource         = "k8s.io/kubernetes@v1.33.13"
	KEDASource               = "github.com/kedacore/keda/v2@v2.20.2"
	PrometheusOperatorSource = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

// Definitions are the custom resource definitions of what the manifests have objects of,
// by source.
var Definitions = map[string][]string{
	KEDASource:               {"config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"},
	PrometheusOperatorSource: {"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"},
}

// Folder has the files of a source.
func Folder(source string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", source).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", source, err)
	}
	var where struct{ Dir string }
	if err := json.Unmarshal(out, &where); err != nil {
		return "", fmt.Errorf("%s: %w", source, err)
	}
	return where.Dir, nil
}
