package message

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object's members in the order in which they are written,
// names decoded, values raw.
type object []Member

// get returns the raw value of a member, nil where there is none. Of a member
// written twice the last counts.
func (o object) get(name string) []byte {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// with adds a member, in place of the one of its name if at knows where that is. A
// nil map knows of none.
func (o object) with(m Member, at map[string]int) object {
	if i, again := at[m.Name]; again {
		o[i] = m
		return o
	}
	if at != nil {
		at[m.Name] = len(o)
	}
	return append(o, m)
}

// text returns the string that a member holds; false where it is absent or no
// string.
func (o object) text(name string) (string, bool) { return stringOf(o.get(name)) }

// lenient are the options for text that has been read once with the strict
// defaults (RFC 7493: UTF-8, no name twice), or whose faults are known.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true)}

// decoders are used again: one costs more memory than the members it reads.
var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// readObject reads text as one JSON object with nothing behind it. Names and
// values share text's memory.
//
// Errors: *jsontext.SyntacticError; notObject for any other JSON value.
func readObject(text []byte, opts ...jsontext.Options) (object, error) {
	dec := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(dec)
	dec.Reset(bytes.NewBuffer(text), opts...)
	kind := dec.PeekKind()
	if kind != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return nil, orUnexpectedEnd(err)
		}
		if err := readEnd(dec); err != nil {
			return nil, err
		}
		return nil, notObject(kind)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, orUnexpectedEnd(err)
	}
	o := make(object, 0, 8)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadValue()
		if err != nil {
			return nil, orUnexpectedEnd(err)
		}
		var m Member
		m.Name, _ = viewOf(within(text, dec, name))
		value, err := dec.ReadValue()
		if err != nil {
			return nil, orUnexpectedEnd(err)
		}
		m.Value = within(text, dec, value)
		o = append(o, m)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, orUnexpectedEnd(err)
	}
	return o, readEnd(dec)
}

// lastOfEach are the members of a raw object; of those of one name, the last.
func lastOfEach(raw []byte) object {
	var o object
	at := map[string]int{}
	each(raw, func(name string, value []byte) { o = o.with(Member{name, value}, at) })
	return o
}

// lengthOf counts the items of a raw array, or the members of a raw object.
func lengthOf(raw []byte) (n int) {
	each(raw, func(string, []byte) { n++ })
	return n
}

// each calls f with each raw item of a raw array, which has no name, or with each
// member of a raw object. They share raw's memory.
func each(raw []byte, f func(name string, value []byte)) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), lenient...)
	open, err := dec.ReadToken()
	if err != nil {
		return
	}
	kind := open.Kind()
	for k := dec.PeekKind(); k != ']' && k != '}' && k != jsontext.KindInvalid; k = dec.PeekKind() {
		var name string
		if kind == '{' {
			quoted, _ := dec.ReadValue()
			name, _ = viewOf(within(raw, dec, quoted))
		}
		value, err := dec.ReadValue()
		if err != nil {
			return
		}
		f(name, within(raw, dec, value))
	}
}

// within is the value just read from text, as a part of text: the decoder's own
// slice is valid only until the next read.
func within(text []byte, dec *jsontext.Decoder, value jsontext.Value) []byte {
	end := int(dec.InputOffset())
	return text[end-len(value) : end : end]
}

func readEnd(dec *jsontext.Decoder) error {
	offset := dec.InputOffset()
	switch _, err := dec.ReadToken(); err {
	case io.EOF:
		return nil
	default:
		return &trailingData{offset: offset}
	}
}

// orUnexpectedEnd turns the bare io.EOF of a decoder that found nothing into the
// error it is here.
func orUnexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// notObject is the kind of a JSON value that is no object.
type notObject jsontext.Kind

func (k notObject) Error() string { return "expected a JSON object, got " + kindName(jsontext.Kind(k)) }

// trailingData says that text goes on behind its JSON value.
type trailingData struct{ offset int64 }

func (*trailingData) Error() string { return "more after the JSON value" }

// kindName is a JSON value's kind in words, with its article.
func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "nothing"
}

// kindOf is the kind of a raw value, which starts without white space; 0 where
// there is none.
func kindOf(raw []byte) jsontext.Kind { return jsontext.Value(raw).Kind() }

// stringOf decodes a raw value that is a string; false for every other.
func stringOf(raw []byte) (string, bool) {
	text, ok := viewOf(raw)
	return strings.Clone(text), ok
}

// viewOf is as stringOf, but the string may share raw's memory.
func viewOf(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return textOf(inner), true
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return string(text), err == nil
}
