package message

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"managed-thing-updater/internal/printable"
)

// Preview is what a person may see of a body, valid or not.
type Preview struct {
	// Thing is the Identifier as it is written, which may break the API's rules;
	// empty where there is none.
	Thing string
	// Wrappings names what the request is wrapped in, outermost first.
	Wrappings []string

	request object
}

// PreviewOf takes the wrappings off a body and finds whom it concerns. Unlike Decode it
// does not judge what it finds.
func PreviewOf(body string) Preview {
	p := unwrap(bytesOf(body))
	thing, _ := p.request.text("Identifier")
	return Preview{Thing: thing, Wrappings: p.wrappings, request: p.request}
}

// Request is the request inside all wrappings as indented JSON. Unless sensitive
// is set it holds no value of a sensitive member, at whatever depth and in
// whatever case its name is written, and none of a top-level member that the API
// does not have, which may be the misspelt name of a sensitive one.
//
// False where no request can be read in the body: then its sensitive members
// cannot be told from the rest, and none of it should be shown.
func (p Preview) Request(sensitive bool) (string, bool) {
	if p.request == nil {
		return "", false
	}
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out, append(lenient, jsontext.WithIndent("  "), jsontext.PreserveRawStrings(true))...)
	w := redactor{enc, sensitive}
	_ = enc.WriteToken(jsontext.BeginObject) // a buffer takes everything
	for _, m := range p.request {
		_ = enc.WriteToken(jsontext.String(m.Name))
		_, known := compiled().root.Properties[m.Name]
		if known || sensitive {
			w.member(m.Name, m.Value)
		} else {
			w.hide(m.Value, ", of no member that the API has")
		}
	}
	_ = enc.WriteToken(jsontext.EndObject)
	return printable.Text(strings.TrimSuffix(out.String(), "\n")), true
}

// redactor writes JSON without the values of sensitive members.
type redactor struct {
	enc       *jsontext.Encoder
	sensitive bool // they may be seen
}

func (w redactor) member(name string, value []byte) {
	if !w.sensitive && SoundsSensitive(name) {
		w.hide(value, "")
		return
	}
	w.value(value)
}

// value writes a raw value that was read before, so no error can come of it.
func (w redactor) value(raw []byte) {
	switch kindOf(raw) {
	case '{':
		_ = w.enc.WriteToken(jsontext.BeginObject)
		each(raw, func(name string, value []byte) {
			_ = w.enc.WriteToken(jsontext.String(name))
			w.member(name, value)
		})
		_ = w.enc.WriteToken(jsontext.EndObject)
	case '[':
		_ = w.enc.WriteToken(jsontext.BeginArray)
		each(raw, func(_ string, item []byte) { w.value(item) })
		_ = w.enc.WriteToken(jsontext.EndArray)
	default:
		_ = w.enc.WriteValue(raw)
	}
}

// hide writes what kind of value stands here, and how long it is.
func (w redactor) hide(raw []byte, why string) {
	what := kindName(kindOf(raw))
	if text, ok := viewOf(raw); ok {
		what += " of length " + strconv.Itoa(utf8.RuneCountInString(text))
	}
	_ = w.enc.WriteToken(jsontext.String("(hidden: " + what + why + ")"))
}

// SoundsSensitive reports whether this is a sensitive member's name in any case:
// what a producer writes as "serialnumber" is a serial number all the same.
func SoundsSensitive(name string) bool {
	for _, member := range sensitive {
		if strings.EqualFold(member, name) {
			return true
		}
	}
	return false
}
