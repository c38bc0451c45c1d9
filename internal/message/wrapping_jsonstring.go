package message

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonString reads text that is a JSON string: a producer encoded its JSON twice. err
// is what readObject said of text.
func jsonString(text []byte, err error) ([]byte, bool) {
	if kind, ok := errors.AsType[notObject](err); !ok || jsontext.Kind(kind) != '"' {
		return nil, false
	}
	inner, ok := stringOf(bytes.Trim(text, " \t\r\n"))
	return []byte(inner), ok
}
