package message_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"managed-thing-updater/internal/message"
)

// constraint is a node of testdata/update-managed-thing.json, the published
// constraints of the API.
type constraint struct {
	Type       string
	Min, Max   *int
	Pattern    string
	Enum       []string
	Required   []string
	Members    map[string]*constraint
	Member     *constraint
	Key, Value *constraint
	Sensitive  bool
}

func apiInput(t testing.TB) *constraint {
	t.Helper()
	text, err := os.ReadFile("testdata/update-managed-thing.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Input *constraint }
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}
	return model.Input
}

// samples are, for each pattern of the API, a text of length n that matches it,
// and texts that do not. A pattern with fixed texts ignores n.
var samples = map[string]struct {
	match   func(n int) string
	differs []string
}{
	`[a-zA-Z0-9:_-]*`:         {repeat("a:_-Z9"), []string{"a b", "a/b", "ä", "a\n"}},
	`[a-zA-Z0-9_.,@-]+`:       {repeat("o_.,@-"), []string{"o o", "ö", "o:"}},
	`[a-zA-Z0-9]*`:            {repeat("cC7"), []string{"c-c", "c_c"}},
	`[A-Za-z0-9-_ ]+`:         {repeat("B-_ 3"), []string{"B.", "B:", "Bé", "B\t"}},
	`[\p{L}\p{N} ._-]+`:       {repeat("Flür ٣._-灯"), []string{"a,b", "a\n", "💡", "a'"}},
	`1\.0\.0`:                 {func(int) string { return "1.0.0" }, []string{"1.0.1", "1x0x0", "1.0.00", "01.0.0"}},
	`[a-zA-Z0-9=_.,@\+\-/]+`:  {repeat("n=_.,@+-/"), []string{"n n", "n:"}},
	`[0-9a-zA-Z]+`:            {repeat("e1"), []string{"e-1", "e 1"}},
	`[a-zA-Z0-9=_. ,@\+\-/]+`: {repeat("D =_.,@+-/"), []string{"D:", "Dé", "D\n"}},
	`[a-zA-Z0-9.]+@(\d+\.\d+(\.\d+)?|\$latest)`:   {capabilityID, []string{"aws.OnOff", "a_b.c@1.0", "aws.OnOff@1", "aws.OnOff@latest", "aws.OnOff@1.0.0.0", "a@1.0@1.0", "aws.On@١.٠"}},
	`[/a-zA-Z0-9\._ -]+`:                          {repeat("p/._ -"), []string{"p,", "p:", "p\\"}},
	`(0|[1-9][0-9]*)`:                             {func(n int) string { return strings.Repeat("7", n) }, []string{"07", "-1", "1.0", "x"}},
	`0[xX][0-9a-fA-F]+$|^[0-9]+`:                  {func(n int) string { return strings.Repeat("6", n) }, []string{"0x", "0xG", "x0006", "6a", "a6"}},
	`[a-zA-Z0-9\s'\x{0022},.:\\\/{$}\[\]=_\-\+]+`: {repeat("c '\",.:\\/{$}[]=_-+\t\n\v\f\r"), []string{"c;", "c(", "c\u00a0c"}},
	`.*[a-zA-Z0-9_.,@/:#-]+.*`:                    {repeat("é#k"), []string{"é", "", " ", "a\nb", "a\u2028b"}},
	`.*[a-zA-Z0-9_.,@/:#-]*.*`:                    {repeat("v é"), []string{"a\nb", "a\rb", "a\u2028b", "a\u2029b"}},
	"":                                            {repeat("any; thing\n"), nil},
}

func repeat(alphabet string) func(int) string {
	runes := []rune(alphabet)
	return func(n int) string {
		out := make([]rune, n)
		for i := range out {
			out[i] = runes[i%len(runes)]
		}
		return string(out)
	}
}

func capabilityID(n int) string { return strings.Repeat("a", max(1, n-4)) + "@1.0" }

// valid is a value that keeps every constraint, with every optional member.
func (c *constraint) valid() any {
	switch c.Type {
	case "string":
		if c.Enum != nil {
			return c.Enum[0]
		}
		return samples[c.Pattern].match(max(8, *c.Min))
	case "boolean":
		return true
	case "integer":
		return *c.Min
	case "document":
		return map[string]any{"anything": []any{nil, 1.5}}
	case "list":
		return []any{c.Member.valid()}
	case "map":
		return map[string]any{c.Key.valid().(string): c.Value.valid()}
	}
	o := map[string]any{}
	for name, m := range c.Members {
		o[name] = m.valid()
	}
	return o
}

// breach is a value that breaks one constraint at one place.
type breach struct {
	at      []string // where the value goes
	value   any
	pointer []string // where the fault is, if not there
	rule    string   // how the fault's rule begins
}

var absent = new(int)

func (c *constraint) breaches(at []string) (all []breach) {
	add := func(rule string, value any, below ...string) {
		all = append(all, breach{at, value, append(slices.Clone(at), below...), rule})
	}
	wrongKinds := map[string]any{"a string": "x", "a number": 1.5, "a boolean": true, "an object": map[string]any{"x": nil}, "an array": []any{nil}}
	refuse := func(own string) {
		for kind, value := range wrongKinds {
			if kind != own {
				add(map[string]string{"": "an integer"}[own]+own, value)
			}
		}
		if len(at) > 1 {
			add("no null", nil)
		}
	}
	switch c.Type {
	case "string":
		if c.Enum != nil {
			add("one of "+strings.Join(c.Enum, ", "), strings.ToLower(c.Enum[0]))
			add("one of", "")
			for kind, value := range wrongKinds {
				if kind != "a string" {
					add("a string", value)
				}
			}
			return all
		}
		refuse("a string")
		if *c.Min > 0 {
			add("length "+strconv.Itoa(*c.Min)+" to "+strconv.Itoa(*c.Max), samples[c.Pattern].match(*c.Min - 1)[:*c.Min-1])
		}
		add("length ", strings.Repeat("9", *c.Max+1))
		for _, text := range samples[c.Pattern].differs {
			add("pattern ", text)
		}
	case "boolean":
		refuse("a boolean")
	case "integer":
		refuse("")
		bounds := strconv.Itoa(*c.Min) + " to " + strconv.Itoa(*c.Max)
		for _, n := range []string{strconv.Itoa(*c.Min - 1), strconv.Itoa(*c.Max + 1), "-7", "0", "1e400", "-1e999999999", "123456789012345678901234567890"} {
			add(bounds, json.Number(n))
		}
		add("an integer", json.Number("6.5"))
		add("an integer", json.Number("6.00000000000000000000000000001"))
	case "document":
		add("no null", nil)
	case "list":
		refuse("an array")
		item := c.Member.valid()
		add("at most "+strconv.Itoa(*c.Max)+" items", slices.Repeat([]any{item}, *c.Max+1))
		all = append(all, c.Member.breaches(append(slices.Clone(at), "0"))...)
	case "map":
		refuse("an object")
		bounds := strconv.Itoa(*c.Min) + " to " + strconv.Itoa(*c.Max) + " entries"
		full := map[string]any{}
		for i := range *c.Max + 1 {
			full["k"+strconv.Itoa(i)] = "v"
		}
		add(bounds, full)
		add(bounds, map[string]any{})
		long := strings.Repeat("9", *c.Key.Max+1)
		add("key of length at most", map[string]any{long: "v"}, long)
		for _, key := range samples[c.Key.Pattern].differs {
			add("key of pattern", map[string]any{key: "v"}, key)
		}
		for _, b := range c.Value.breaches([]string{"k"}) {
			add(b.rule, map[string]any{"k": b.value}, "k")
		}
		add("no null", map[string]any{"k": nil}, "k")
	case "structure":
		if len(at) > 0 {
			refuse("an object")
		}
		for _, name := range c.Required {
			all = append(all, breach{append(slices.Clone(at), name), absent, append(slices.Clone(at), name), "required member"})
		}
		unknown := append(slices.Clone(at), "Unknwon")
		all = append(all, breach{unknown, "x", unknown, "unknown member"})
		for name, m := range c.Members {
			all = append(all, m.breaches(append(slices.Clone(at), name))...)
		}
	}
	return all
}

// with is a copy of root with the value at a path replaced, or left out.
func with(root any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if list, ok := root.([]any); ok {
		i, _ := strconv.Atoi(path[0])
		list = slices.Clone(list)
		list[i] = with(list[i], path[1:], value)
		return list
	}
	o := map[string]any{}
	maps.Copy(o, root.(map[string]any))
	if len(path) == 1 && value == any(absent) {
		delete(o, path[0])
	} else {
		o[path[0]] = with(o[path[0]], path[1:], value)
	}
	return o
}

func body(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func pointer(path []string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	return b.String()
}

func TestEveryConstraintOfTheAPIBrokenOnce(t *testing.T) {
	input := apiInput(t)
	base := input.valid()
	if _, faults := decode(body(t, base)); len(faults) > 0 {
		t.Fatalf("the request that all others are made of has faults: %v", faults)
	}
	breaches := input.breaches(nil)
	if len(breaches) < 300 {
		t.Fatalf("only %d ways found to break a constraint", len(breaches))
	}
	for _, b := range breaches {
		text := body(t, with(base, b.at, b.value))
		u, faults := decode(text)
		want := pointer(b.pointer)
		i := slices.IndexFunc(faults, func(f message.Fault) bool {
			return f.Pointer == want && strings.HasPrefix(f.Rule, b.rule)
		})
		if i < 0 {
			t.Errorf("%s = %.80v: no fault of rule %q at %s, but %v", pointer(b.at), b.value, b.rule, want, faults)
			continue
		}
		for _, f := range faults {
			if !strings.HasPrefix(f.Pointer, want) {
				t.Errorf("%s = %.80v: a fault elsewhere: %v", pointer(b.at), b.value, f)
			}
			if f.Detail == "" {
				t.Errorf("%s = %.80v: no detail", pointer(b.at), b.value)
			}
		}
		if u.Thing != "" || u.Members != nil {
			t.Errorf("%s: a message with faults has thing %q and %d members", want, u.Thing, len(u.Members))
		}
	}
}

func TestEveryConstraintOfTheAPIKeptAtItsBounds(t *testing.T) {
	input := apiInput(t)
	base := input.valid()
	var walk func(c *constraint, at []string)
	check := func(at []string, value any) {
		if _, faults := decode(body(t, with(base, at, value))); len(faults) > 0 {
			t.Errorf("%s = %.80v: %v", pointer(at), value, faults)
		}
	}
	walk = func(c *constraint, at []string) {
		switch c.Type {
		case "string":
			if c.Enum != nil {
				for _, v := range c.Enum {
					check(at, v)
				}
				return
			}
			check(at, samples[c.Pattern].match(*c.Max))
			if c.Pattern != `` && *c.Min > 0 || c.Pattern == "" {
				check(at, samples[c.Pattern].match(*c.Min))
			}
		case "integer":
			for _, n := range []string{strconv.Itoa(*c.Min), strconv.Itoa(*c.Max), strconv.Itoa(*c.Min) + ".0", strconv.Itoa(*c.Max) + ".000000000000000000000000000000000000000", "0.6E1", "60e-1"} {
				check(at, json.Number(n))
			}
		case "document":
			for _, v := range []any{"x", 1.5, true, []any{nil}, map[string]any{"a": nil, "": map[string]any{}}} {
				check(at, v)
			}
		case "list":
			check(at, slices.Repeat([]any{c.Member.valid()}, *c.Max))
			check(at, []any{})
			walk(c.Member, append(slices.Clone(at), "0"))
		case "map":
			full := map[string]any{}
			for i := range *c.Max {
				full["k"+strconv.Itoa(i)] = ""
			}
			check(at, full)
			check(at, map[string]any{samples[c.Key.Pattern].match(*c.Key.Max): samples[c.Value.Pattern].match(*c.Value.Max)})
		case "structure":
			for name, m := range c.Members {
				walk(m, append(slices.Clone(at), name))
				if !slices.Contains(c.Required, name) {
					check(append(slices.Clone(at), name), absent)
				}
				if len(at) == 0 && name != "Identifier" {
					check([]string{name}, nil)
				}
			}
		}
	}
	walk(input, nil)
}

func TestTheSchemaHasTheConstraintsOfTheAPIAndNoOthers(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(message.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	var same func(at string, c *constraint, s map[string]any, top bool)
	same = func(at string, c *constraint, s map[string]any, top bool) {
		want := map[string]any{}
		bounds := func(least, most string) {
			if c.Min != nil && *c.Min > 0 {
				want[least] = float64(*c.Min)
			}
			if c.Max != nil {
				want[most] = float64(*c.Max)
			}
		}
		kind := map[string]string{"structure": "object", "map": "object", "list": "array"}[c.Type]
		if kind == "" {
			kind = c.Type
		}
		switch {
		case c.Type == "document":
			want["type"] = []any{"object", "array", "string", "number", "boolean"}
		case top:
			want["type"] = []any{kind, "null"}
		default:
			want["type"] = kind
		}
		switch c.Type {
		case "string":
			bounds("minLength", "maxLength")
			if c.Enum != nil {
				var enum []any
				for _, v := range c.Enum {
					enum = append(enum, v)
				}
				if top {
					enum = append(enum, nil)
				}
				want["enum"] = enum
			}
			if text, ok := s["pattern"].(string); (c.Pattern != "") != ok {
				t.Errorf("%s: pattern %q, the API has %q", at, text, c.Pattern)
			} else if ok && (!strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$")) {
				t.Errorf("%s: the pattern %q does not match the whole value", at, text)
			}
		case "integer":
			bounds("minimum", "maximum")
		case "list":
			bounds("minItems", "maxItems")
			same(at+"/*", c.Member, s["items"].(map[string]any), false)
		case "map":
			bounds("minProperties", "maxProperties")
			same(at+"/*", c.Value, s["additionalProperties"].(map[string]any), false)
			names := s["propertyNames"].(map[string]any)
			names["type"] = "string"
			same(at+"/key", c.Key, names, false)
		case "structure":
			if len(c.Required) > 0 {
				var required []any
				for _, name := range c.Required {
					required = append(required, name)
				}
				want["required"] = required
			}
			want["additionalProperties"] = false
			properties := s["properties"].(map[string]any)
			if len(properties) != len(c.Members) {
				t.Errorf("%s: %d members, the API has %d", at, len(properties), len(c.Members))
			}
			for name, m := range c.Members {
				p, _ := properties[name].(map[string]any)
				if p == nil {
					t.Errorf("%s: no member %s", at, name)
					continue
				}
				same(at+"/"+name, m, p, at == "" && name != "Identifier")
			}
		}
		for keyword, value := range want {
			if !reflect.DeepEqual(s[keyword], value) {
				t.Errorf("%s: %s is %v, the API has %v", at, keyword, s[keyword], value)
			}
		}
		prose := []string{"$schema", "$id", "title", "description", "examples", "deprecated", "pattern", "properties", "propertyNames", "items", "additionalProperties"}
		for keyword := range s {
			if _, ok := want[keyword]; !ok && !slices.Contains(prose, keyword) {
				t.Errorf("%s: keyword %s, which the API has no constraint for", at, keyword)
			}
		}
	}
	same("", apiInput(t), schema, false)
}

func TestSensitiveMembersAreThoseOfTheAPI(t *testing.T) {
	for name, c := range apiInput(t).Members {
		if message.IsSensitive(name) != c.Sensitive {
			t.Errorf("IsSensitive(%s) = %v, the API has %v", name, !c.Sensitive, c.Sensitive)
		}
	}
}
