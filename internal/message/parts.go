package message

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Part is one piece of a member that the API may merge by key.
type Part struct {
	Key string
	Raw []byte // the value under the key, or the whole array element; several of one key with commas between
}

// Parts takes a member's raw value apart: MetaData and
// WiFiSimpleSetupConfiguration by their keys, CapabilitySchemas by the
// CapabilityId of each element, in the order in which they are first written:
// elements of one CapabilityId are one part, so that none of them is lost or kept
// without the others. False for every other member, and for a value that is not
// what the member takes: it can only be replaced whole.
func Parts(member string, value []byte) ([]Part, bool) {
	switch member {
	case "MetaData", "WiFiSimpleSetupConfiguration":
		o, err := readObject(value)
		if err != nil {
			return nil, false
		}
		parts := make([]Part, len(o))
		for i, m := range o {
			parts[i] = Part{m.Name, m.Value}
		}
		return parts, true
	case "CapabilitySchemas":
		return schemaParts(value)
	}
	return nil, false
}

func schemaParts(value []byte) ([]Part, bool) {
	if kindOf(value) != '[' {
		return nil, false
	}
	parts, keyed := []Part{}, true
	at := map[string]int{}
	each(value, func(_ string, item []byte) {
		o, err := readObject(item)
		id, ok := o.text("CapabilityId")
		keyed = keyed && err == nil && ok
		if i, seen := at[id]; seen {
			parts[i].Raw = slices.Concat(parts[i].Raw, []byte{','}, item)
			return
		}
		at[id] = len(parts)
		parts = append(parts, Part{id, item})
	})
	return parts, keyed
}

// Join is the inverse of Parts: the member's raw value made of these parts, in
// their order, each Raw untouched.
func Join(member string, parts []Part) []byte {
	start, end := byte('{'), byte('}')
	if member == "CapabilitySchemas" {
		start, end = '[', ']'
	}
	value := []byte{start}
	for i, p := range parts {
		if i > 0 {
			value = append(value, ',')
		}
		if start == '{' {
			value, _ = jsontext.AppendQuote(value, p.Key) // keys come from JSON text, so they are UTF-8
			value = append(value, ':')
		}
		value = append(value, p.Raw...)
	}
	return append(value, end)
}
