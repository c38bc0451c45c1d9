package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/message"
)

// rule is a node of the API's published constraints.
type rule struct {
	Type     string
	Min, Max *int
	Pattern  string
	Enum     []string
	Required []string
	Members  map[string]*rule
	Member   *rule
	Key      *rule
	Value    *rule
}

// place is where a rule applies: the JSON Pointer, and around puts a value there
// into a request that is right otherwise.
type place struct {
	pointer string
	around  func(value string) string
}

func (p place) below(token string, around func(value string) string) place {
	return place{p.pointer + "/" + token, func(value string) string { return p.around(around(value)) }}
}

// good is a raw value that keeps the rule.
func (c *rule) good() string {
	switch c.Type {
	case "string":
		switch {
		case c.Enum != nil:
			return quoted(c.Enum[0])
		case strings.Contains(c.Pattern, `\$latest`):
			return `"aws.OnOff@1.0"`
		case c.Pattern == `1\.0\.0`:
			return `"1.0.0"`
		}
		return `"1"` // every other pattern takes a digit
	case "boolean":
		return "true"
	case "integer":
		return fmt.Sprint(*c.Min)
	case "document":
		return `{"x":1}`
	case "list":
		return "[]"
	case "map":
		return `{"k":"v"}`
	}
	return c.object("", "")
}

// object is a structure with what is required, and name set to value; an empty
// value leaves it out.
func (c *rule) object(name, value string) string {
	var pairs []string
	for _, required := range c.Required {
		if required != name {
			pairs = append(pairs, quoted(required)+":"+c.Members[required].good())
		}
	}
	if value != "" {
		pairs = append(pairs, quoted(name)+":"+value)
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// offence is a request that breaks one rule.
type offence struct {
	body, pointer string
	rule          string // how the rule reported begins
}

// offences are requests that break each rule of c, at p.
func (c *rule) offences(p place) []offence {
	var all []offence
	add := func(rule, value string) { all = append(all, offence{p.around(value), p.pointer, rule}) }
	at := func(token, rule, value string) {
		all = append(all, offence{p.around(value), p.pointer + "/" + token, rule})
	}
	wrong := func(kinds ...string) {
		for _, kind := range kinds {
			add("", kind)
		}
		if strings.Count(p.pointer, "/") > 1 || p.pointer == "/Identifier" {
			add("", "null")
		}
	}
	switch c.Type {
	case "string":
		wrong("7", "true", "[]", "{}")
		if c.Enum != nil {
			add("one of", `"standard"`)
			break
		}
		if *c.Min > 0 {
			add("length", `""`)
		}
		if *c.Max > 5 {
			add("length", quoted(strings.Repeat("1", *c.Max+1)))
		}
		if c.Pattern != "" && c.Pattern != `.*[a-zA-Z0-9_.,@/:#-]*.*` {
			add("pattern", `"\u0007 ;"`)
		}
		if c.Pattern == `.*[a-zA-Z0-9_.,@/:#-]*.*` {
			add("pattern", `"a\nb"`)
		}
	case "boolean":
		wrong(`"true"`, "0", "[]", "{}")
	case "integer":
		wrong(`"6"`, "true", "[]", "{}", "6.5")
		add("", fmt.Sprint(*c.Min-1))
		add("", fmt.Sprint(*c.Max+1))
		add("", "12345678901234567890")
	case "document":
		wrong()
	case "list":
		wrong(`"x"`, "7", "true", "{}")
		add("at most", "["+strings.Join(slices.Repeat([]string{c.Member.good()}, *c.Max+1), ",")+"]")
		all = append(all, c.Member.offences(p.below("0", func(value string) string { return "[" + value + "]" }))...)
	case "map":
		wrong(`"x"`, "7", "true", "[]")
		add("", "{}")
		pairs := make([]string, *c.Max+1)
		for i := range pairs {
			pairs[i] = fmt.Sprintf(`"k%d":"v"`, i)
		}
		add("", "{"+strings.Join(pairs, ",")+"}")
		long := strings.Repeat("k", *c.Key.Max+1)
		at(long, "key of length", fmt.Sprintf(`{%q:"v"}`, long))
		at("", "key of pattern", `{"":"v"}`)
		at("é", "key of pattern", `{"é":"v"}`)
		all = append(all, c.Value.offences(p.below("k", func(value string) string { return `{"k":` + value + `}` }))...)
	case "structure":
		wrong(`"x"`, "7", "true", "[]")
		all = append(all, c.memberOffences(p)...)
	}
	return all
}

func (c *rule) memberOffences(p place) []offence {
	all := []offence{{p.around(c.object("Nmae", `"x"`)), p.pointer + "/Nmae", "unknown member"}}
	for _, name := range c.Required {
		all = append(all, offence{p.around(c.object(name, "")), p.pointer + "/" + name, "required member"})
	}
	for name, m := range c.Members {
		all = append(all, m.offences(p.below(name, func(value string) string { return c.object(name, value) }))...)
	}
	return all
}

func apiRules(t testing.TB) *rule {
	t.Helper()
	text, err := os.ReadFile("../message/testdata/update-managed-thing.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Input *rule }
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}
	return model.Input
}

// Each rule of the API has messages that break it. None reaches the API, none is
// received twice, and each letter names the place.
func TestEveryConstraintOfTheAPIBrokenIsALetterWithItsPlace(t *testing.T) {
	all := apiRules(t).memberOffences(place{around: func(value string) string { return value }})
	all = append(all,
		offence{`{"Identifier":"a","Identifier":"b"}`, "/Identifier", ""},
		offence{`{"Identifier":"a","MetaData":{"k":"1","k":"2"}}`, "/MetaData/k", ""},
		offence{`{"Identifier":"a","CapabilitySchemas":[{"Format":"AWS","CapabilityId":"aws.OnOff@1.0","ExtrinsicId":"1","ExtrinsicVersion":1,"Schema":{"x":{"y":1,"y":2}}}]}`, "/CapabilitySchemas/0/Schema/x/y", ""},
		offence{`{"Identifier":"a"} {}`, "", ""},
		offence{`{"Identifier":"a"`, "", ""},
		offence{`[]`, "", ""},
		offence{`"text"`, "", ""},
		offence{`no JSON, no base64`, "", ""},
		offence{`{}`, "/Identifier", "required member"},
		offence{`{"Name":"x"}`, "/Identifier", "required member"},
		offence{`{"identifier":"a"}`, "/identifier", "unknown member"},
	)
	if len(all) < 250 {
		t.Fatalf("only %d messages that break a rule", len(all))
	}
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		sent, want := map[string]string{}, map[string]offence{}
		for _, o := range all {
			id := r.send(o.body)
			sent[id], want[id] = o.body, o
		}
		r.drained(10 * time.Minute)
		w.stopped()
		r.wantCalls("", 0)
		w.wantOutcomes(map[message.Outcome]int{message.DeadLettered: len(all)})
		r.wantInvalid(sent, func(id string, f message.Failure) {
			o := want[id]
			if !slices.ContainsFunc(f.Faults, func(x message.Fault) bool {
				return x.Pointer == o.pointer && strings.HasPrefix(x.Rule, o.rule)
			}) {
				t.Errorf("%.200s\nwant %q at %q, got %+v", o.body, o.rule, o.pointer, f.Faults)
			}
		})
	})
}

func TestAllFaultsOfAMessageAreReportedAtOnce(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(`{"Identifier":"a b","Nmae":"x","Owner":"top secret!","MetaData":{"a~b/c":null},"CapabilityReport":{"version":"2","endpoints":7},"HubNetworkMode":"X"}`)
		r.drained(time.Minute)
		w.stopped()
		l := r.oneLetter(message.InvalidMessage)
		var got []string
		for _, f := range l.Failure.Faults {
			got = append(got, f.Pointer)
			if f.Pointer == "/Nmae" && !strings.Contains(f.Detail, "Name") {
				t.Errorf("no hint at Name: %+v", f)
			}
		}
		for _, want := range []string{"/Identifier", "/Nmae", "/Owner", "/MetaData/a~0b~1c", "/CapabilityReport/version", "/CapabilityReport/endpoints", "/HubNetworkMode"} {
			if !slices.Contains(got, want) {
				t.Errorf("no fault at %s, but at %v", want, got)
			}
		}
		if strings.Contains(l.Attributes["Failure"].StringValue, "secret") || strings.Contains(w.lines(), "secret") {
			t.Error("the value of a sensitive member is quoted")
		}
	})
}
