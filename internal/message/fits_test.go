package message

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What fits does not know it must not pass over: every keyword of the schema is
// one that it looks at, or one that bounds nothing.
func TestFitsKnowsEveryKeyword(t *testing.T) {
	looksAt := []string{
		"type", "enum", "minLength", "maxLength", "pattern", "properties", "required", "additionalProperties",
		"propertyNames", "minProperties", "maxProperties", "items", "minItems", "maxItems",
		"minimum", "maximum", // of numbers, which it leaves to the schema package
	}
	bindsNothing := []string{"$schema", "$id", "title", "description", "examples", "deprecated"}
	var walk func(s map[string]any)
	walk = func(s map[string]any) {
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

// Whatever fits says yes to, the schema takes.
func TestWhatFitsIsValid(t *testing.T) {
	r := compiled()
	yes, no := 0, 0
	rapid.Check(t, func(t *rapid.T) { yes, no = checkFits(t, r, requests.Draw(t, "request"), yes, no) })
	if yes == 0 || no == 0 {
		t.Errorf("%d fit, %d do not: nothing was compared", yes, no)
	}
}

func FuzzFits(f *testing.F) {
	r := compiled()
	f.Add(`{"Identifier":"a1","Name":"Hall light","MetaData":{"room":"hall"}}`)
	f.Add(`{"Identifier":"a1","CapabilitySchemas":[{"Format":"ZCL","CapabilityId":"zigbee.OnOff@1.0","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":{}}]}`)
	f.Fuzz(func(t *testing.T, body string) { checkFits(t, r, body, 0, 0) })
}

func checkFits(t interface{ Fatalf(string, ...any) }, r rules, body string, yes, no int) (int, int) {
	request, err := readObject([]byte(body))
	if err != nil {
		return yes, no
	}
	values := map[string]any{}
	for _, m := range request {
		if kindOf(m.Value) != 'n' {
			values[m.Name] = valueOf(m.Value, r.root.Properties[m.Name])
		}
	}
	fits, err := r.fits(request), r.root.Validate(values)
	if fits && err != nil {
		t.Fatalf("%s fits, but: %v", body, err)
	}
	if fits {
		return yes + 1, no
	}
	return yes, no + 1
}

// A pattern's short cut finds what the pattern finds.
func TestPatternsMatchAsTheirExpressions(t *testing.T) {
	r := compiled()
	short := 0
	for _, s := range r.at {
		p, ok := s.Pattern.(pattern)
		if !ok {
			continue
		}
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
