package kubernetes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Differences says where two renderings are not the same. What each of Kustomize and
// Helm must do in its own way is left out: the hash by which a changed setting becomes a
// rollout stands in a name with one, in an annotation with the other, and Helm marks
// what is its own.
func Differences(kustomize, helm Rendering) []string {
	a, b := canonical(kustomize), canonical(helm)
	var found []string
	for name := range a {
		switch {
		case b[name] == "":
			found = append(found, name+" is not in the chart")
		case a[name] != b[name]:
			found = append(found, fmt.Sprintf("%s differs\n  Kustomize: %s\n  Helm:      %s", name, a[name], b[name]))
		}
	}
	for name := range b {
		if a[name] == "" {
			found = append(found, name+" is not in the overlay")
		}
	}
	slices.Sort(found)
	return found
}

// canonical has each object's JSON, its members in order, by kind and name.
func canonical(r Rendering) map[string]string {
	r, _ = parse(r.Text) // a copy: it parsed before
	settings, _ := r.Of("ConfigMap")
	hashed := text(settings, "metadata", "name")
	plain, _, _ := strings.Cut(hashed, "-updater-")
	if plain != hashed {
		plain += "-updater"
	}
	out := make(map[string]string)
	for _, o := range r.Objects {
		own(o)
		body, err := json.Marshal(o)
		if err != nil {
			body = []byte(err.Error()) // unreachable: it came from YAML
		}
		name := strings.ReplaceAll(named(o), hashed, plain)
		out[name] = strings.ReplaceAll(string(body), `"`+hashed+`"`, `"`+plain+`"`)
	}
	return out
}

// own drops what only Helm writes, and maps that are empty then.
func own(o any) {
	switch o := o.(type) {
	case Object:
		delete(o, "helm.sh/chart")
		delete(o, "app.kubernetes.io/managed-by")
		delete(o, "checksum/settings")
		for key, value := range o {
			own(value)
			if m, ok := value.(Object); ok && len(m) == 0 && key == "annotations" {
				delete(o, key)
			}
		}
	case []any:
		for _, value := range o {
			own(value)
		}
	}
}
