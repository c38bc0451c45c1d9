package message

import (
	"bytes"
	_ "embed"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema.json
var schemaFile []byte

// Schema is the JSON Schema (draft 2020-12) of an unwrapped message: every
// constraint that UpdateManagedThing publishes.
func Schema() []byte { return slices.Clone(schemaFile) }

// rules is the schema, compiled.
type rules struct {
	root *jsonschema.Schema
	// names are the API's members, each by itself: what an update keeps of them
	// must not keep the message's text alive.
	names map[string]string
}

// compiled compiles the schema when it is first asked for: some commands never
// are. The file is a part of the program, so it cannot fail outside of a test.
var compiled = sync.OnceValue(func() rules {
	file, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile))
	if err != nil {
		panic("message: schema.json: " + err.Error())
	}
	const name = "schema.json"
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(compilePattern)
	if err := c.AddResource(name, file); err != nil {
		panic("message: schema.json: " + err.Error())
	}
	r := rules{root: c.MustCompile(name), names: map[string]string{}}
	for member := range r.root.Properties {
		r.names[member] = member
	}
	return r
})

// valuesOf is the schema of the values of a map, whose keys are free.
func valuesOf(s *jsonschema.Schema) *jsonschema.Schema {
	values, _ := s.AdditionalProperties.(*jsonschema.Schema)
	return values
}

var numberType, integerType = typeOf("number"), typeOf("integer")

// typesOf are the schema's types of each kind of value. A number may be an integer.
var typesOf = [128]jsonschema.Types{
	'n': typeOf("null"), 't': typeOf("boolean"), 'f': typeOf("boolean"), '"': typeOf("string"),
	'0': numberType | integerType, '{': typeOf("object"), '[': typeOf("array"),
}

func typeOf(name string) (t jsonschema.Types) {
	t.Add(name)
	return t
}

// allows reports whether values of this kind may stand here, numbers aside that must be
// whole.
func allows(s *jsonschema.Schema, kind jsontext.Kind) bool {
	return s.Types == nil || *s.Types&typesOf[kind] != 0
}
