package message

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// lookUp finds the raw value at a path of a request; nil where there is none.
func lookUp(request object, path []string) []byte {
	if len(path) == 0 {
		return nil
	}
	raw := request.get(path[0])
	for _, token := range path[1:] {
		raw = child(raw, token)
	}
	return raw
}

// child finds a member of a raw object, the last of that name, or an item of a
// raw array.
func child(raw []byte, token string) []byte {
	switch kindOf(raw) {
	case '{':
		o, err := readObject(raw, lenient...)
		if err != nil {
			return nil // unreachable: it was read before
		}
		return o.get(token)
	case '[':
		at, err := strconv.Atoi(token)
		if err != nil {
			return nil
		}
		var item []byte
		i := 0
		eachItem(raw, func(value []byte) bool {
			item, i = value, i+1
			return i <= at
		})
		return item
	}
	return nil
}

// lengthOf counts the items of a raw array, or the members of a raw object.
func lengthOf(raw []byte) int {
	n := 0
	if kindOf(raw) == '{' {
		o, _ := readObject(raw, lenient...)
		return len(o)
	}
	eachItem(raw, func([]byte) bool { n++; return true })
	return n
}

// eachItem calls f with each raw item of a raw array, until f returns false. The
// items share raw's memory.
func eachItem(raw []byte, f func([]byte) bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), lenient...)
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return
	}
	for k := dec.PeekKind(); k != ']' && k != jsontext.KindInvalid; k = dec.PeekKind() {
		value, err := dec.ReadValue()
		if err != nil || !f(within(raw, dec, value)) {
			return
		}
	}
}
