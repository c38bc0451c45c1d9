// Derive makes the JSON schemas beside it, against which the manifests are checked,
// from what Kubernetes, KEDA and the Prometheus operator publish: the swagger of the
// Kubernetes API, their custom resource definitions, and KEDA's list of what each of
// its triggers takes.
//
//	go run ./schemas/derive schemas
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	manifests "managed-thing-updater/test/deploy/kubernetes"
)

// kinds are what the manifests have, by API group, version and kind.
var kinds = []string{
	"apps/v1/Deployment", "/v1/ConfigMap", "/v1/ServiceAccount", "policy/v1/PodDisruptionBudget", "networking.k8s.io/v1/NetworkPolicy",
}

type object = map[string]any

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: derive FOLDER")
		os.Exit(2)
	}
	if err := errors.Join(fromKubernetes(os.Args[1]), fromDefinitions(os.Args[1]), fromTriggers(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fromKubernetes(folder string) error {
	var swagger struct {
		Definitions map[string]object `json:"definitions"`
	}
	if err := read(manifests.KubernetesSource, "api/openapi-spec/swagger.json", &swagger); err != nil {
		return err
	}
	for _, definition := range swagger.Definitions {
		offered, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, o := range offered {
			o := o.(object)
			group, version, kind := o["group"].(string), o["version"].(string), o["kind"].(string)
			if !slices.Contains(kinds, group+"/"+version+"/"+kind) {
				continue
			}
			if err := write(folder, group, version, kind, manifests.KubernetesSource, closed(resolved(definition, swagger.Definitions))); err != nil {
				return err
			}
		}
	}
	return nil
}

func fromDefinitions(folder string) error {
	for source, paths := range manifests.Definitions {
		for _, path := range paths {
			if err := fromDefinition(folder, source, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// fromTriggers takes what KEDA lists for the triggers that the manifests have.
func fromTriggers(folder string) error {
	var published struct {
		Scalers []struct {
			Type       string `json:"type"`
			Parameters []struct {
				Name     string `json:"name"`
				Optional bool   `json:"optional,omitempty"`
				Default  string `json:"default,omitempty"`
				Metadata bool   `json:"metadataVariableReadable,omitempty"`
			} `json:"parameters"`
		} `json:"scalers"`
	}
	if err := read(manifests.KEDASource, "schema/generated/scalers-schema.json", &published); err != nil {
		return err
	}
	for _, scaler := range published.Scalers {
		if scaler.Type != "aws-sqs-queue" && scaler.Type != "prometheus" {
			continue
		}
		properties, required := object{}, []string{}
		for _, p := range scaler.Parameters {
			if !p.Metadata {
				continue
			}
			properties[p.Name] = object{"type": "string", "minLength": 1}
			if !p.Optional && p.Default == "" {
				required = append(required, p.Name)
			}
		}
		slices.Sort(required)
		schema := object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
		if err := save(filepath.Join(folder, "keda-trigger-"+scaler.Type+".json"), manifests.KEDASource, schema); err != nil {
			return err
		}
	}
	return nil
}

// fromDefinition takes the schemas out of a custom resource definition.
func fromDefinition(folder, module, path string) error {
	var definition struct {
		Spec struct {
			Group    string                `json:"group"`
			Names    struct{ Kind string } `json:"names"`
			Versions []struct {
				Name   string `json:"name"`
				Schema struct {
					OpenAPIV3Schema object `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := read(module, path, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		schema := version.Schema.OpenAPIV3Schema
		// The definition says of metadata only that it is there; what it holds is Kubernetes' own.
		schema["properties"].(object)["metadata"] = object{"type": "object"}
		if err := write(folder, definition.Spec.Group, version.Name, definition.Spec.Names.Kind, module, closed(schema)); err != nil {
			return err
		}
	}
	return nil
}

// resolved puts what a reference names in its place. Kinds that hold themselves do
// not occur among those that are wanted.
func resolved(schema any, definitions map[string]object) any {
	switch s := schema.(type) {
	case object:
		if ref, ok := s["$ref"].(string); ok {
			return resolved(definitions[strings.TrimPrefix(ref, "#/definitions/")], definitions)
		}
		out := object{}
		for key, value := range s {
			out[key] = resolved(value, definitions)
		}
		return out
	case []any:
		out := make([]any, len(s))
		for i := range s {
			out[i] = resolved(s[i], definitions)
		}
		return out
	}
	return schema
}

// closed lets objects have no other member than those named, takes null for a member
// that is not there, as the API server does, and drops the texts.
func closed(schema any) any {
	s, ok := schema.(object)
	if !ok {
		return schema
	}
	out := object{}
	for key, value := range s {
		switch {
		case key == "description" || key == "default" || strings.HasPrefix(key, "x-kubernetes-"):
		case key == "properties":
			properties := object{}
			for name, of := range value.(object) {
				properties[name] = closed(of)
			}
			out[key] = properties
		case key == "items" || key == "additionalProperties":
			out[key] = closed(value)
		default:
			out[key] = value
		}
	}
	switch {
	case s["format"] == "int-or-string" || s["x-kubernetes-int-or-string"] == true:
		delete(out, "type")
		delete(out, "format")
		delete(out, "anyOf")
		out["oneOf"] = []any{object{"type": "string"}, object{"type": "integer"}}
	case s["type"] == "object" && s["properties"] != nil && s["additionalProperties"] == nil && s["x-kubernetes-preserve-unknown-fields"] != true:
		out["additionalProperties"] = false
	}
	return out
}

// read reads a file of a source.
func read(source, path string, into any) error {
	folder, err := manifests.Folder(source)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into)
}

// write names the file as kubeconform looks for it.
func write(folder, group, version, kind, source string, schema any) error {
	name := strings.ToLower(kind)
	if first, _, _ := strings.Cut(group, "."); first != "" {
		name += "-" + first
	}
	s := maps.Clone(schema.(object))
	properties := s["properties"].(object)
	delete(properties, "status") // the cluster's own
	// kubeconform looks the file up without regard to case; the API server does not.
	properties["kind"] = object{"enum": []string{kind}} // it reads Draft 4, which has no "const"
	properties["apiVersion"] = object{"enum": []string{strings.TrimPrefix(group+"/"+version, "/")}}
	s["required"] = []string{"apiVersion", "kind", "metadata"}
	return save(filepath.Join(folder, name+"-"+version+".json"), source, s)
}

func save(path, source string, schema object) error {
	schema["$comment"] = "Derived from " + source + " by test/deploy/kubernetes/schemas/derive. Do not edit."
	text, err := json.MarshalIndent(schema, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
