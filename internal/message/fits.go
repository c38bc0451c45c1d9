package message

import (
	"slices"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fits reports whether v surely keeps to the schema s. It reads the compiled
// schema, knows every keyword that stands in schema.json but the bounds of
// numbers, and says false for what it cannot tell; the schema package has the
// last word then, and the words for what is wrong. It spares most messages its
// cost, which is many times that of reading the message.
func (r rules) fits(v any, s *jsonschema.Schema) bool {
	switch v := v.(type) {
	case nil:
		return r.takes(s, "null")
	case bool:
		return r.takes(s, "boolean")
	case string:
		return r.takes(s, "string") && fitsText(v, s)
	case []any:
		if !r.takes(s, "array") || s.MinItems != nil && len(v) < *s.MinItems || s.MaxItems != nil && len(v) > *s.MaxItems {
			return false
		}
		for _, item := range v {
			if s.Items2020 != nil && !r.fits(item, s.Items2020) {
				return false
			}
		}
		return true
	case map[string]any:
		return r.takes(s, "object") && r.fitsObject(v, s)
	}
	return false
}

// takes reports whether s allows values of this kind, and, but for strings, all
// of them.
func (r rules) takes(s *jsonschema.Schema, kind string) bool {
	if s.Enum != nil && kind != "string" {
		return false
	}
	kinds, bound := r.kinds[s]
	return !bound || slices.Contains(kinds, kind)
}

func fitsText(text string, s *jsonschema.Schema) bool {
	if s.Enum != nil && !slices.Contains(s.Enum.Values, any(text)) {
		return false
	}
	if s.MinLength != nil || s.MaxLength != nil {
		length := utf8.RuneCountInString(text)
		if s.MinLength != nil && length < *s.MinLength || s.MaxLength != nil && length > *s.MaxLength {
			return false
		}
	}
	return s.Pattern == nil || s.Pattern.MatchString(text)
}

func (r rules) fitsObject(o map[string]any, s *jsonschema.Schema) bool {
	if s.MinProperties != nil && len(o) < *s.MinProperties || s.MaxProperties != nil && len(o) > *s.MaxProperties {
		return false
	}
	for _, name := range s.Required {
		if _, ok := o[name]; !ok {
			return false
		}
	}
	for name, v := range o {
		if s.PropertyNames != nil && !r.fits(name, s.PropertyNames) {
			return false
		}
		part, known := s.Properties[name]
		if !known {
			switch rest := s.AdditionalProperties.(type) {
			case nil:
				continue
			case *jsonschema.Schema:
				part = rest
			default:
				return false
			}
		}
		if !r.fits(v, part) {
			return false
		}
	}
	return true
}
