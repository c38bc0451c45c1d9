package message

import (
	"bytes"
	_ "embed"
	"slices"
	"strings"
	"sync"

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
	// at finds a part of the schema by its location, as validation errors name it.
	at map[string]*jsonschema.Schema
	// kinds are the kinds of values that a part of the schema allows; a part that
	// allows all has none.
	kinds map[*jsonschema.Schema][]string
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
	r := rules{
		root: c.MustCompile(name), names: map[string]string{},
		at: map[string]*jsonschema.Schema{}, kinds: map[*jsonschema.Schema][]string{},
	}
	for member := range r.root.Properties {
		r.names[member] = member
	}
	r.index(r.root)
	return r
})

func (r rules) index(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	r.at[s.Location] = s
	if s.Types != nil && !s.Types.IsEmpty() {
		r.kinds[s] = s.Types.ToStrings()
	}
	for _, property := range s.Properties {
		r.index(property)
	}
	r.index(s.Items2020)
	r.index(s.PropertyNames)
	r.index(valuesOf(s))
}

// valuesOf is the schema of the values of a map, whose keys are free.
func valuesOf(s *jsonschema.Schema) *jsonschema.Schema {
	values, _ := s.AdditionalProperties.(*jsonschema.Schema)
	return values
}

// placeOf is the JSON Pointer of the instance that a part of the schema
// describes, for parts that no list is around of.
func placeOf(location string) []string {
	_, fragment, _ := strings.Cut(location, "#")
	return slices.DeleteFunc(strings.Split(fragment, "/"), func(s string) bool {
		return s == "" || s == "properties" || s == "propertyNames"
	})
}
