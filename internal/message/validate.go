package message

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validate holds a request against the schema. It returns the thing and the
// members to set, or what is wrong; the members' values are request's own, their
// names are not.
func validate(request object) (thing string, members []Member, findings []finding) {
	r := compiled()
	if !r.fits(request) {
		if findings := r.broken(request); len(findings) > 0 {
			return "", nil, findings
		}
	}
	members = make([]Member, 0, len(request))
	for _, m := range request {
		switch {
		case kindOf(m.Value) == 'n': // at the top level null is absent: many serialisers write it so
		case m.Name == "Identifier":
			thing, _ = stringOf(m.Value) // a copy: it outlives the message
		default:
			members = append(members, Member{Name: r.names[m.Name], Value: m.Value})
		}
	}
	return thing, members, nil
}

// broken asks the schema package, and says which rules it finds broken.
func (r rules) broken(request object) []finding {
	values := make(map[string]any, len(request))
	for _, m := range request {
		if kindOf(m.Value) != 'n' {
			values[m.Name] = valueOf(m.Value, r.root.Properties[m.Name])
		}
	}
	if err := r.root.Validate(values); err != nil {
		invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
		if !ok { // the schema package returns no other
			return []finding{found("", "the schema of a message", "could not be checked")}
		}
		return explain(r, request, invalid)
	}
	return nil
}

// The values that stand for whatever the schema does not look into.
var (
	someObject = map[string]any{}
	someArray  = []any{}
)

// valueOf decodes a raw value as far as its schema describes it, and no further:
// a Schema document may be deep, and what has no place here need not be read to
// be refused. The schema may be nil.
func valueOf(raw []byte, s *jsonschema.Schema) any {
	switch kindOf(raw) {
	case 't':
		return true
	case 'f':
		return false
	case '"':
		text, _ := stringOf(raw)
		return text
	case '0':
		return numberOf(raw)
	case '{':
		if s == nil || s.Properties == nil && valuesOf(s) == nil {
			return someObject
		}
	case '[':
		if s == nil || s.Items2020 == nil {
			return someArray
		}
	default:
		return nil
	}
	// The text was read strictly before; what is known of it is not found again.
	dec := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(dec)
	dec.Reset(bytes.NewBuffer(raw), lenient...)
	return nextValue(dec, s)
}

func nextValue(dec *jsontext.Decoder, s *jsonschema.Schema) any {
	kind := dec.PeekKind()
	switch {
	case kind == '{' && s != nil && (s.Properties != nil || valuesOf(s) != nil):
		_, _ = dec.ReadToken()
		o := make(map[string]any)
		for k := dec.PeekKind(); k != '}' && k != jsontext.KindInvalid; k = dec.PeekKind() {
			token, err := dec.ReadToken()
			if err != nil {
				return o // unreachable: it was read before
			}
			name := token.String()
			part, known := s.Properties[name]
			if !known {
				part = valuesOf(s)
			}
			o[name] = nextValue(dec, part)
		}
		_, _ = dec.ReadToken()
		return o
	case kind == '[' && s != nil && s.Items2020 != nil:
		_, _ = dec.ReadToken()
		a := []any{}
		for k := dec.PeekKind(); k != ']' && k != jsontext.KindInvalid; k = dec.PeekKind() {
			// One over the limit shows that the list is too long.
			if s.MaxItems != nil && len(a) > *s.MaxItems {
				if err := dec.SkipValue(); err != nil {
					return a // unreachable: it was read before
				}
				continue
			}
			a = append(a, nextValue(dec, s.Items2020))
		}
		_, _ = dec.ReadToken()
		return a
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return nil // unreachable: it was read before
	}
	return valueOf(raw, nil)
}

// numberOf stands for a number in a check of integers with bounds. A hostile
// literal such as 1e999999 would cost the schema package seconds to work out.
func numberOf(raw []byte) any {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	d, _ := parseDecimal(string(raw))
	if !d.whole() {
		return 0.5 // any number that is no integer
	}
	if n, ok := d.times10(0); ok && n.IsInt64() {
		return n.Int64()
	}
	if d.negative {
		return int64(-1 << 63)
	}
	return int64(1<<63 - 1)
}
