package message

import (
	"bytes"
	_ "embed"
	"regexp"
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
	// at finds a part of the schema by its location, as validation errors name it.
	at map[string]*jsonschema.Schema
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
	r := rules{root: c.MustCompile(name), at: map[string]*jsonschema.Schema{}}
	r.index(r.root)
	return r
})

func (r rules) index(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	r.at[s.Location] = s
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

// pattern is a pattern of the schema in the words of ECMA-262, as JSON Schema
// wants it, run by RE2.
type pattern struct {
	*regexp.Regexp
	text string
}

func (p pattern) String() string { return p.text }

var unicodeEscape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)

func compilePattern(text string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(unicodeEscape.ReplaceAllString(text, `\x{$1}`))
	if err != nil {
		return nil, err
	}
	return pattern{re, text}, nil
}

// placeOf is the JSON Pointer of the instance that a part of the schema
// describes, for parts that no list is around of.
func placeOf(location string) []string {
	_, fragment, _ := strings.Cut(location, "#")
	return slices.DeleteFunc(strings.Split(fragment, "/"), func(s string) bool {
		return s == "" || s == "properties" || s == "propertyNames"
	})
}
