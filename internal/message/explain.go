package message

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxQuoted is the most characters of a value, or of a name, that a fault quotes.
const maxQuoted = 64

// explain puts a validation error into findings, one for each broken rule.
func explain(r rules, request object, e *jsonschema.ValidationError) []finding {
	x := explainer{r, request, nil}
	x.walk(e)
	return x.findings
}

type explainer struct {
	rules    rules
	request  object
	findings []finding
}

func (x *explainer) walk(e *jsonschema.ValidationError) {
	switch k := e.ErrorKind.(type) {
	case *kind.PropertyNames:
		// The instance location of this kind is not to be trusted: the validator
		// goes on writing into it.
		place := append(placeOf(e.SchemaURL), k.Property)
		for _, cause := range e.Causes {
			x.key(place, cause)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			x.add(append(slices.Clone(e.InstanceLocation), name), "required member", func() string { return "missing" })
		}
	case *kind.AdditionalProperties:
		known := x.rules.at[e.SchemaURL].Properties
		for _, name := range k.Properties {
			x.add(append(slices.Clone(e.InstanceLocation), name), "unknown member", func() string { return unknownMember(name, known) })
		}
	default:
		if len(e.Causes) == 0 {
			x.leaf(e)
		}
		for _, cause := range e.Causes {
			x.walk(cause)
		}
	}
}

func (x *explainer) add(path []string, rule string, detail func() string) {
	x.findings = append(x.findings, finding{pointerTo(path...), rule, detail})
}

// leaf is a value that breaks one rule.
func (x *explainer) leaf(e *jsonschema.ValidationError) {
	path, s := e.InstanceLocation, x.rules.at[e.SchemaURL]
	rule := ruleOf(e.ErrorKind, s)
	if k, ok := e.ErrorKind.(*kind.Type); ok && k.Got == "null" {
		x.add(path, "no null", func() string {
			return "null where " + rule + " belongs; leave the member out (null means absent only at the top level)"
		})
		return
	}
	x.add(path, rule, func() string { return describe(path, x.request) })
}

// key is a key of a map that breaks one rule.
func (x *explainer) key(path []string, e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			x.key(path, cause)
		}
		return
	}
	name := path[len(path)-1]
	x.add(path, "key of "+ruleOf(e.ErrorKind, x.rules.at[e.SchemaURL]), func() string { return "the key: " + describeText(name) })
}

// ruleOf puts a rule into words, the whole of it: both bounds where there are two.
func ruleOf(k jsonschema.ErrorKind, s *jsonschema.Schema) string {
	switch k := k.(type) {
	case *kind.Type:
		return oneOfKinds(k.Want)
	case *kind.Pattern:
		return "pattern " + k.Want
	case *kind.MinLength, *kind.MaxLength:
		return "length " + between(s.MinLength, s.MaxLength)
	case *kind.MinItems, *kind.MaxItems:
		return between(s.MinItems, s.MaxItems) + " items"
	case *kind.MinProperties, *kind.MaxProperties:
		return between(s.MinProperties, s.MaxProperties) + " entries"
	case *kind.Minimum, *kind.Maximum:
		return ratText(s.Minimum) + " to " + ratText(s.Maximum)
	case *kind.Enum:
		var values []string
		for _, v := range k.Want {
			if text, ok := v.(string); ok {
				values = append(values, text)
			}
		}
		return "one of " + strings.Join(values, ", ")
	}
	// No other keyword is in the schema.
	return strings.Join(k.KeywordPath(), " ")
}

func between(least, most *int) string {
	switch {
	case least == nil:
		return "at most " + strconv.Itoa(*most)
	case most == nil:
		return "at least " + strconv.Itoa(*least)
	}
	return strconv.Itoa(*least) + " to " + strconv.Itoa(*most)
}

func ratText(r *big.Rat) string { return r.RatString() }

var kindWords = map[string]string{
	"string": "a string", "number": "a number", "integer": "an integer",
	"boolean": "a boolean", "object": "an object", "array": "an array",
}

// oneOfKinds names the kinds that a value may have. That null may stand at the
// top level is no help to who wrote something else there.
func oneOfKinds(kinds []string) string {
	var words []string
	for _, k := range kinds {
		if word, ok := kindWords[k]; ok {
			words = append(words, word)
		}
	}
	if len(words) == len(kindWords)-1 {
		return "a value"
	}
	return strings.Join(words, " or ")
}

// describe says what stands at path: its kind and size, and, where it is short
// and not sensitive, the value.
func describe(path []string, request object) string {
	raw := lookUp(request, path)
	sensitive := slices.ContainsFunc(path, IsSensitive)
	switch k := kindOf(raw); k {
	case '"':
		text, _ := stringOf(raw)
		if sensitive {
			return "a string of length " + strconv.Itoa(utf8.RuneCountInString(text))
		}
		return describeText(text)
	case '0':
		if !sensitive && len(raw) <= maxQuoted {
			return "got " + string(raw)
		}
		return "got a number"
	case '[':
		return "got an array of " + count(lengthOf(raw), "item", "items")
	case '{':
		return "got an object of " + count(lengthOf(raw), "member", "members")
	default:
		return "got " + kindName(k)
	}
}

// describeText gives a string's length in code points, and a short one itself.
func describeText(text string) string {
	length := utf8.RuneCountInString(text)
	if length > maxQuoted {
		return "a string of length " + strconv.Itoa(length)
	}
	return fmt.Sprintf("%q, of length %d", text, length)
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
