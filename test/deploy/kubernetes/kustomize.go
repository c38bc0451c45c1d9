package kubernetes

import (
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Kustomize renders a folder, as "kubectl apply -k" does.
func Kustomize(folder string) (Rendering, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return Rendering{}, err
	}
	text, err := resources.AsYaml()
	if err != nil {
		return Rendering{}, err
	}
	return parse(text)
}
