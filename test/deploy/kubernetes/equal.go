package kubernetes

import (
	"fmt"
	"maps"
	"reflect"
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
		if b[name] == nil {
			found = append(found, name+" is not in the chart")
			continue
		}
		for _, d := range differences("", a[name], b[name]) {
			found = append(found, name+" differs: "+d)
		}
	}
	for name := range b {
		if a[name] == nil {
			found = append(found, name+" is not in the overlay")
		}
	}
	slices.Sort(found)
	return found
}

// differences says of each member that is not the same what it is with either.
func differences(path string, kustomize, helm any) (found []string) {
	switch a := kustomize.(type) {
	case Object:
		if b, ok := helm.(Object); ok {
			for _, name := range slices.Sorted(maps.Keys(merged(a, b))) {
				found = append(found, differences(path+"/"+name, a[name], b[name])...)
			}
			return found
		}
	case []any:
		if b, ok := helm.([]any); ok && len(a) == len(b) {
			for n := range a {
				found = append(found, differences(fmt.Sprintf("%s/%d", path, n), a[n], b[n])...)
			}
			return found
		}
	}
	if reflect.DeepEqual(kustomize, helm) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %v with Kustomize and %v with Helm", path, kustomize, helm)}
}

func merged(a, b Object) Object {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// canonical has each object by kind and name, without what may differ.
func canonical(r Rendering) map[string]any {
	r, _ = parse(r.Text) // a copy: it parsed before
	settings, _ := r.Of("ConfigMap")
	hashed := text(settings, "metadata", "name")
	plain := hashed
	if name, _, found := strings.Cut(hashed, "-updater-"); found {
		plain = name + "-updater"
	}
	out := make(map[string]any)
	for _, o := range r.Objects {
		own(o)
		out[strings.ReplaceAll(named(o), hashed, plain)] = renamed(o, hashed, plain)
	}
	return out
}

// renamed has another name in every place where the first stands as a whole.
func renamed(o any, from, to string) any {
	switch o := o.(type) {
	case Object:
		for name, value := range o {
			o[name] = renamed(value, from, to)
		}
	case []any:
		for n, value := range o {
			o[n] = renamed(value, from, to)
		}
	case string:
		if o == from {
			return to
		}
	}
	return o
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
