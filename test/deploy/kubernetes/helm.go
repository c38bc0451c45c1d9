package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// Release is what "helm install NAME --namespace NAMESPACE" is told.
type Release struct{ Name, Namespace string }

// Helm renders the chart with the values of a file, which the chart's schema checks first.
func Helm(chart, valuesFile string, release Release) (Rendering, error) {
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return Rendering{}, err
	}
	return HelmValues(chart, values, release)
}

// HelmValues is Helm with the values themselves.
func HelmValues(chart string, values chartutil.Values, release Release) (Rendering, error) {
	c, err := loader.Load(chart)
	if err != nil {
		return Rendering{}, err
	}
	given, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{
		Name: release.Name, Namespace: release.Namespace, Revision: 1, IsInstall: true,
	}, chartutil.DefaultCapabilities)
	if err != nil {
		return Rendering{}, err
	}
	files, err := engine.Engine{Strict: true}.Render(c, given)
	if err != nil {
		return Rendering{}, err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) == ".yaml" && strings.TrimSpace(files[name]) != "" {
			fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", name, files[name])
		}
	}
	return parse([]byte(text.String()))
}

// HelmLint is "helm lint --strict": a warning is an error.
func HelmLint(chart, valuesFile string) error {
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(chart)
	if err != nil {
		return err
	}
	var found []error
	for _, m := range lint.AllWithKubeVersion(folder, values, "managed-thing-updater", nil).Messages {
		if m.Severity >= support.WarningSev {
			found = append(found, m)
		}
	}
	return errors.Join(found...)
}
