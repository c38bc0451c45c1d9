package fleet

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"managed-thing-updater/internal/message"
)

// request writes the request in one of the styles of serialisers: compact or
// with spaces, the Identifier first or last, with or without nulls.
func (f *Fleet) request(e Event) string {
	var parts []string
	for _, m := range e.Members {
		parts = append(parts, quote(m.Name), string(m.Value))
	}
	capable := slices.ContainsFunc(e.Members, func(m message.Member) bool { return m.Name == "Capabilities" })
	if f.chance(8) && !capable {
		parts = append(parts, quote("Capabilities"), "null")
	}
	identifier := []string{quote("Identifier"), quote(e.Thing)}
	if f.chance(4) {
		parts = append(parts, identifier...)
	} else {
		parts = append(identifier, parts...)
	}
	open, colon, comma, end := "{", ":", ",", "}"
	if f.chance(3) {
		open, colon, comma, end = "{\n  ", ": ", ",\n  ", "\n}\n"
	}
	var b strings.Builder
	b.WriteString(open)
	for i, p := range parts {
		b.WriteString(p)
		switch {
		case i%2 == 0:
			b.WriteString(colon)
		case i < len(parts)-1:
			b.WriteString(comma)
		}
	}
	b.WriteString(end)
	return b.String()
}

// object writes a JSON object: a name, its raw value, and so on.
func object(pairs ...string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(pairs[i]) + ":" + pairs[i+1])
	}
	b.WriteByte('}')
	return b.String()
}

// quote writes a JSON string; s is UTF-8.
func quote(s string) string {
	out, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic("fleet: " + err.Error()) // only for text that is not UTF-8
	}
	return string(out)
}
