package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"pgregory.net/rapid"
)

// The checker passes over a keyword that it does not know: every keyword of the schema
// is one that it looks at, or one that bounds nothing.
func TestTheCheckerKnowsEveryKeyword(t *testing.T) {
	looksAt := []string{
		"type", "enum", "minLength", "maxLength", "pattern", "properties", "required", "additionalProperties",
		"propertyNames", "minProperties", "maxProperties", "items", "minItems", "maxItems", "minimum", "maximum",
	}
	bindsNothing := []string{"$schema", "$id", "title", "description", "examples", "deprecated"}
	var walk func(s map[string]any)
	walk = func(s map[string]any) {
		if (s["minimum"] == nil) != (s["maximum"] == nil) || s["minimum"] != nil && s["type"] != "integer" {
			t.Errorf("bounds that the checker does not know: %v", s)
		}
		for keyword, v := range s {
			if !slices.Contains(looksAt, keyword) && !slices.Contains(bindsNothing, keyword) {
				t.Errorf("the keyword %q is new", keyword)
			}
			part, isSchema := v.(map[string]any)
			switch {
			case keyword == "properties":
				for _, p := range part {
					walk(p.(map[string]any))
				}
			case isSchema && keyword != "examples":
				walk(part)
			}
		}
	}
	var root map[string]any
	if err := json.Unmarshal(schemaFile, &root); err != nil {
		t.Fatal(err)
	}
	walk(root)
}

// requests are objects near the border of what the schema allows.
var requests = rapid.Custom(func(t *rapid.T) string {
	text := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9 ._:,@-]{0,12}`), rapid.StringN(0, 10, 40),
		rapid.SampledFrom([]string{"STANDARD", "NETWORK_WIDE_EXCLUSION", "1.0.0", "matter.OnOff@1.4", "ZCL", strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("é", 128), strings.Repeat("é", 129)}),
	)
	scalar := rapid.Custom(func(t *rapid.T) any {
		return rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.SampledFrom([]any{nil, true, 5, 16, 0.5, -1, []any{}, map[string]any{}})).Draw(t, "scalar")
	})
	capability := rapid.Custom(func(t *rapid.T) any {
		c := map[string]any{"id": "matter.OnOff@1.4", "name": "On Off", "version": "1", "properties": []any{"a"}, "actions": []any{}, "events": []any{}}
		if rapid.Bool().Draw(t, "break") {
			c[rapid.SampledFrom([]string{"id", "name", "version", "properties", "more"}).Draw(t, "which")] = scalar.Draw(t, "value")
		}
		return c
	})
	report := rapid.Custom(func(t *rapid.T) any {
		endpoint := map[string]any{"id": "1", "deviceTypes": rapid.SliceOfN(scalar, 0, 2).Draw(t, "types"), "capabilities": rapid.SliceOfN(capability, 0, 2).Draw(t, "capabilities")}
		return map[string]any{"version": "1.0.0", "nodeId": text.Draw(t, "node"), "endpoints": []any{endpoint}}
	})
	schema := rapid.Custom(func(t *rapid.T) any {
		return []any{map[string]any{"Format": "ZCL", "CapabilityId": "matter.OnOff@1.4", "ExtrinsicId": "6", "ExtrinsicVersion": rapid.SampledFrom([]any{1, -1, 1.5, "1"}).Draw(t, "version"), "Schema": scalar.Draw(t, "document")}}
	})
	o := map[string]any{"Identifier": "a1"}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(schemaMembers), 0, 3, rapid.ID).Draw(t, "members") {
		switch rapid.IntRange(0, 4).Draw(t, name) {
		case 0:
			o[name] = text.Draw(t, "text")
		case 1:
			o[name] = scalar.Draw(t, "value")
		case 2, 3, 4:
			switch name {
			case "MetaData", "WiFiSimpleSetupConfiguration":
				o[name] = rapid.MapOfN(rapid.OneOf(text, rapid.SampledFrom([]string{"EnableAsProvisioner", "TimeoutInMinutes"})), scalar, 0, 3).Draw(t, "map")
			case "CapabilityReport":
				o[name] = report.Draw(t, "report")
			case "CapabilitySchemas":
				o[name] = schema.Draw(t, "schemas")
			}
		}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(raw)
})

var schemaMembers = slices.Sorted(maps.Keys(compiled().root.Properties))

// The checker finds fault with the same places as the schema package, as often.
func TestTheCheckerFindsWhatTheSchemaPackageFinds(t *testing.T) {
	valid, invalid := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		if len(sameFaults(t, requests.Draw(t, "request"))) == 0 {
			valid++
		} else {
			invalid++
		}
	})
	if valid == 0 || invalid == 0 {
		t.Errorf("%d valid, %d not: nothing was compared", valid, invalid)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(`{"Identifier":"a1","Name":"Hall light","MetaData":{"room":"hall","room":7},"Nmae":null}`)
	f.Add(`{"Identifier":"a1","CapabilitySchemas":[{"Format":"ZCL","CapabilityId":"zigbee.OnOff@1.0","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":{}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if regexp.MustCompile(`\d[eE]|(,[^,]*){40}`).MatchString(body) {
			t.Skip() // the schema package takes seconds for 1e999999, and goes through lists that are too long
		}
		if _, err := readObject([]byte(body), lenient...); err == nil {
			sameFaults(t, body)
		}
	})
}

// sameFaults holds what validate finds against what the schema package finds.
func sameFaults(t interface{ Fatalf(string, ...any) }, body string) (want []string) {
	request, _ := readObject([]byte(body), lenient...)
	values := map[string]any{}
	for _, m := range request {
		if kindOf(m.Value) != 'n' {
			values[m.Name], _ = jsonschema.UnmarshalJSON(bytes.NewReader(m.Value))
		}
	}
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		place := slices.Clone(e.InstanceLocation)
		switch k := e.ErrorKind.(type) {
		case *kind.PropertyNames: // whose InstanceLocation is written over later
			for range leavesOf(e) {
				want = append(want, pointerTo("MetaData", k.Property))
			}
			return
		case *kind.Required:
			for _, name := range k.Missing {
				want = append(want, pointerTo(append(place, name)...))
			}
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				want = append(want, pointerTo(append(place, name)...))
			}
		default:
			if len(e.Causes) == 0 {
				want = append(want, pointerTo(place...))
			}
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	if err, invalid := errors.AsType[*jsonschema.ValidationError](compiled().root.Validate(values)); invalid {
		walk(err)
	}
	slices.Sort(want)
	_, err := readObject([]byte(body))
	for _, repeated := range []bool{true, errors.Is(err, jsontext.ErrDuplicateName)} {
		var got []string
		_, _, findings := validate(request, repeated)
		for _, f := range findings {
			got = append(got, f.pointer)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%s: faults at %q, the schema package has them at %q", body, got, want)
		}
	}
	return want
}

// leavesOf counts the rules that a value breaks.
func leavesOf(e *jsonschema.ValidationError) int {
	n := 0
	for _, cause := range e.Causes {
		n += leavesOf(cause)
	}
	return max(n, 1)
}

// A pattern's short cut finds what the pattern finds.
func TestPatternsMatchAsTheirExpressions(t *testing.T) {
	short := 0
	for _, match := range regexp.MustCompile(`"pattern": (".*")`).FindAllSubmatch(schemaFile, -1) {
		var text string
		if err := json.Unmarshal(match[1], &text); err != nil {
			t.Fatal(err)
		}
		compiled, err := compilePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		p := compiled.(pattern)
		if p.ascii != nil {
			short++
		}
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,5}`), rapid.StringMatching(`[a-zA-Z0-9]{0,5}\n?`)).Draw(t, "text")
			if p.MatchString(text) != p.Regexp.MatchString(text) {
				t.Fatalf("%s and %q: %v", p, text, p.MatchString(text))
			}
		})
	}
	if short < 10 {
		t.Errorf("only %d patterns have a short cut", short)
	}
}
