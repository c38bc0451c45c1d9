package kubernetes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"managed-thing-updater/internal/config"
)

// elsewhere are the settings that the chart has values of its own for.
var elsewhere = []string{"WORKER_STATE", "WORKER_SHUTDOWN_TIMEOUT", "WORKER_ADMIN_ADDR"}

// ValuesSchema puts what the chart's settings may be, from the worker's own table of
// settings, into the chart's schema of values.
func ValuesSchema(schema []byte) ([]byte, error) {
	var s struct {
		Schema               string          `json:"$schema"`
		Comment              string          `json:"$comment"`
		Type                 string          `json:"type"`
		AdditionalProperties bool            `json:"additionalProperties"`
		Required             []string        `json:"required"`
		AllOf                json.RawMessage `json:"allOf"`
		Properties           Object          `json:"properties"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, err
	}
	properties := Object{"AWS_REGION": Object{"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]+$", "description": "The Region of the queue and of the managed things."}}
	for _, setting := range config.Settings {
		if setting.Secret || slices.Contains(elsewhere, setting.Name) {
			continue
		}
		p := settingSchema(setting)
		p["description"] = fmt.Sprintf("%s %s; %s.", setting.Doc, setting.Unit, setting.Allowed)
		properties[setting.Name] = p
	}
	s.Properties["settings"] = Object{
		"type": "object", "required": []string{"AWS_REGION", "WORKER_QUEUE_URL"}, "properties": properties,
		"patternProperties":    Object{"^(AWS|OTEL)_[A-Z0-9_]+$": Object{"type": []string{"string", "number", "boolean"}}},
		"additionalProperties": false,
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

func settingSchema(s config.Setting) Object {
	either := func(number, pattern string) Object {
		return Object{"anyOf": []any{Object{"type": number}, Object{"type": "string", "pattern": pattern}}}
	}
	switch s.Unit {
	case "word":
		words, _ := strings.CutPrefix(s.Allowed, "one of ")
		return Object{"type": "string", "enum": strings.Split(words, ", ")}
	case "count":
		return either("integer", "^[0-9]+$")
	case "calls/s":
		return either("number", `^[0-9]+(\.[0-9]+)?$`)
	case "size":
		return either("integer", `^[0-9]+ *([kKmMgGtT][iI]?[bB]|[bB])?$`)
	case "duration":
		return Object{"anyOf": []any{Object{"const": 0}, Object{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+)$`}}}
	case "URL":
		return Object{"type": "string", "pattern": "^https?://"}
	}
	return Object{"type": "string"}
}
