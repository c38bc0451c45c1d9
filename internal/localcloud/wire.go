package localcloud

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// mustMarshal writes JSON of values that this package made.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true),
		jsontext.PreserveRawStrings(true), // a thing keeps what was written, escapes included
		jsontext.AllowInvalidUTF8(true))   // an error may quote a request
	if err != nil {
		panic("localcloud: " + err.Error())
	}
	return b
}

// mustUnmarshal reads JSON that was checked before.
func mustUnmarshal(b []byte, v any) {
	if err := json.Unmarshal(b, v); err != nil {
		panic("localcloud: " + err.Error())
	}
}
