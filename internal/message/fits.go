package message

import (
	"bytes"
	"math/bits"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fits reports whether a request surely keeps to the schema, its members that are
// null left out. It reads the compiled schema, knows every keyword that stands in
// schema.json but the bounds of numbers, and says false for what it cannot tell;
// the schema package has the last word then, and the words for what is wrong. It
// spares most messages its cost, which is many times that of reading the message.
//
// The text was read strictly before: what is known of it is not found again.
func (r rules) fits(request object) bool {
	o := objectCheck{rules: r, schema: r.root}
	for _, m := range request {
		if kindOf(m.Value) == 'n' {
			continue
		}
		part, ok := o.member(m.Name)
		if !ok || part != nil && !r.fitsValue(m.Value, part) {
			return false
		}
	}
	return o.complete()
}

// fitsValue is fits for one raw value and the part of the schema that describes it.
func (r rules) fitsValue(raw []byte, s *jsonschema.Schema) bool {
	if kind := kindOf(raw); kind != '{' && kind != '[' {
		return r.fitsScalar(raw, s)
	}
	dec := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(dec)
	dec.Reset(bytes.NewBuffer(raw), lenient...)
	return r.fitsNext(raw, dec, s)
}

// fitsNext is fitsValue for the next value of text, which dec reads. What the
// schema does not look into is passed over.
func (r rules) fitsNext(text []byte, dec *jsontext.Decoder, s *jsonschema.Schema) bool {
	switch kind := dec.PeekKind(); {
	case kind == '{' && (s.Properties != nil || valuesOf(s) != nil):
		return r.takes(s, "object") && r.fitsObject(text, dec, s)
	case kind == '{':
		bound := s.MinProperties != nil || s.MaxProperties != nil || s.PropertyNames != nil || s.Required != nil
		return !bound && r.takes(s, "object") && dec.SkipValue() == nil
	case kind == '[' && s.Items2020 != nil:
		return r.takes(s, "array") && r.fitsArray(text, dec, s)
	case kind == '[':
		return s.MinItems == nil && s.MaxItems == nil && r.takes(s, "array") && dec.SkipValue() == nil
	}
	raw, err := dec.ReadValue()
	return err == nil && r.fitsScalar(within(text, dec, raw), s)
}

func (r rules) fitsScalar(raw []byte, s *jsonschema.Schema) bool {
	switch kindOf(raw) {
	case 'n':
		return r.takes(s, "null")
	case 't', 'f':
		return r.takes(s, "boolean")
	case '"':
		text, ok := viewOf(raw)
		return ok && r.fitsText(text, s)
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

func (r rules) fitsText(text string, s *jsonschema.Schema) bool {
	if !r.takes(s, "string") || s.Enum != nil && !slices.Contains(s.Enum.Values, any(text)) {
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

func (r rules) fitsArray(text []byte, dec *jsontext.Decoder, s *jsonschema.Schema) bool {
	_, _ = dec.ReadToken()
	length := 0
	for k := dec.PeekKind(); k != ']'; k = dec.PeekKind() {
		length++
		if s.MaxItems != nil && length > *s.MaxItems || !r.fitsNext(text, dec, s.Items2020) {
			return false
		}
	}
	_, _ = dec.ReadToken()
	return s.MinItems == nil || length >= *s.MinItems
}

func (r rules) fitsObject(text []byte, dec *jsontext.Decoder, s *jsonschema.Schema) bool {
	_, _ = dec.ReadToken()
	o := objectCheck{rules: r, schema: s}
	for k := dec.PeekKind(); k != '}'; k = dec.PeekKind() {
		raw, err := dec.ReadValue()
		if err != nil {
			return false
		}
		name, _ := viewOf(within(text, dec, raw))
		part, ok := o.member(name)
		switch {
		case !ok:
			return false
		case part == nil:
			if dec.SkipValue() != nil {
				return false
			}
		case !r.fitsNext(text, dec, part):
			return false
		}
	}
	_, _ = dec.ReadToken()
	return o.complete()
}

// objectCheck holds the members of one object against its schema, one by one.
type objectCheck struct {
	rules    rules
	schema   *jsonschema.Schema
	length   int
	required uint64 // a bit for each of schema.Required that was seen; a name may stand twice
}

// member checks a member's name. It returns what describes the value; nil where
// nothing does.
func (o *objectCheck) member(name string) (part *jsonschema.Schema, ok bool) {
	s := o.schema
	o.length++
	if at := slices.Index(s.Required, name); at >= 0 {
		o.required |= 1 << at
	}
	if s.PropertyNames != nil && !o.rules.fitsText(name, s.PropertyNames) {
		return nil, false
	}
	if part, known := s.Properties[name]; known {
		return part, true
	}
	switch rest := s.AdditionalProperties.(type) {
	case nil:
		return nil, true
	case *jsonschema.Schema:
		return rest, true
	}
	return nil, false
}

func (o *objectCheck) complete() bool {
	s := o.schema
	return bits.OnesCount64(o.required) == len(s.Required) &&
		(s.MinProperties == nil || o.length >= *s.MinProperties) && (s.MaxProperties == nil || o.length <= *s.MaxProperties)
}
