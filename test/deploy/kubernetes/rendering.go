// Package kubernetes proves what deploy/kubernetes holds: it renders the overlays with
// Kustomize and the chart with Helm, and says what is wrong with what they come to, by
// the rules of Kubernetes, of its Pod Security Standards, of KEDA, and of the worker.
package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Object is one object of a rendering, as it is written in YAML.
type Object = map[string]any

// Rendering is what an overlay or the chart comes to.
type Rendering struct {
	Text    []byte
	Objects []Object
}

func parse(text []byte) (Rendering, error) {
	r := Rendering{Text: text}
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	defer documents.Close()
	for {
		// A document longer than the buffer would be an error, never cut in silence.
		document := make([]byte, 1<<20)
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		var o Object
		if err := yaml.Unmarshal(document[:n], &o); err != nil {
			return r, err
		}
		if len(o) > 0 {
			r.Objects = append(r.Objects, o)
		}
	}
}

// Of is the only object of a kind; ok is false where there is none.
func (r Rendering) Of(kind string) (o Object, ok bool) {
	at := slices.IndexFunc(r.Objects, func(o Object) bool { return o["kind"] == kind })
	if at < 0 {
		return nil, false
	}
	return r.Objects[at], true
}

// into reads the only object of a kind as what Kubernetes' own code takes it for.
// Members that are unknown there are an error.
func (r Rendering) into(kind string, typed any) error {
	o, ok := r.Of(kind)
	if !ok {
		return fmt.Errorf("there is no %s", kind)
	}
	text, err := yaml.Marshal(o)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, typed)
}

// at follows names down an object; nil where there is nothing.
func at(o any, path ...string) any {
	for _, name := range path {
		members, ok := o.(Object)
		if !ok {
			return nil
		}
		o = members[name]
	}
	return o
}

func text(o any, path ...string) string {
	s, _ := at(o, path...).(string)
	return s
}

// named is "Kind name".
func named(o Object) string {
	return strings.TrimSpace(text(o, "kind") + " " + text(o, "metadata", "name"))
}
