package kubernetes

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/yannh/kubeconform/pkg/validator"
)

// SchemaFaults is "kubeconform -strict" with the schemas of this folder: members that
// a kind does not have, values of another type, what is missing, kinds in the wrong case.
func SchemaFaults(r Rendering, schemas string) ([]string, error) {
	folder, err := filepath.Abs(schemas)
	if err != nil {
		return nil, err
	}
	v, err := validator.New([]string{filepath.Join(folder, "{{.ResourceKind}}{{.KindSuffix}}.json")}, validator.Opts{Strict: true})
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, result := range v.Validate("rendering", io.NopCloser(bytes.NewReader(r.Text))) {
		switch result.Status {
		case validator.Valid, validator.Empty:
			continue
		}
		signature, err := result.Resource.Signature()
		name := "?"
		if err == nil {
			name = signature.Kind + " " + signature.Name
		}
		for _, e := range result.ValidationErrors {
			faults = append(faults, fmt.Sprintf("%s%s: %s", name, e.Path, e.Msg))
		}
		if len(result.ValidationErrors) == 0 {
			faults = append(faults, fmt.Sprintf("%s: %v", name, result.Err))
		}
	}
	return faults, nil
}
