package localcloud

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed update-managed-thing.json
var modelJSON []byte

// shape is a type of the API's model.
type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required"`
	Members  map[string]*shape `json:"members"`
	Member   *shape            `json:"member"`
	Key      *shape            `json:"key"`
	Value    *shape            `json:"value"`
	Min      *int64            `json:"min"`
	Max      *int64            `json:"max"`
	Pattern  string            `json:"pattern"`
	Enum     []string          `json:"enum"`

	pattern *regexp.Regexp // Pattern over the whole value
}

// requestShape is the request of UpdateManagedThing, Identifier included.
var requestShape = func() *shape {
	var model struct {
		Input *shape `json:"input"`
	}
	if err := json.Unmarshal(modelJSON, &model); err != nil {
		panic("localcloud: update-managed-thing.json: " + err.Error())
	}
	model.Input.compile()
	return model.Input
}()

func (s *shape) compile() {
	if s == nil {
		return
	}
	if s.Pattern != "" {
		s.pattern = regexp.MustCompile(`\A(?:` + s.Pattern + `)\z`)
	}
	for _, m := range s.Members {
		m.compile()
	}
	s.Member.compile()
	s.Key.compile()
	s.Value.compile()
}

// checker gathers what is wrong with a request.
type checker struct{ faults []string }

// checkRequest returns the body's members that are not null, raw, and what is
// wrong with them and the identifier.
func checkRequest(id string, body []byte) (map[string]jsontext.Value, []string) {
	var c checker
	c.text(requestShape.Members["Identifier"], id, "identifier")
	members := map[string]jsontext.Value{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &members); err != nil || members == nil {
			return nil, append(c.faults, "the body is not a JSON object")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		s, known := requestShape.Members[name]
		switch {
		case name == "Identifier":
			c.add(name, nil, "Identifier belongs in the path")
		case !known:
			c.add(name, nil, "no such member")
		case members[name].Kind() == 'n': // absent, as in every AWS JSON protocol
			delete(members, name)
		default:
			c.check(s, members[name], name)
		}
	}
	return members, c.faults
}

func (c *checker) add(path string, value jsontext.Value, rule string, args ...any) {
	quoted := ""
	if value != nil {
		quoted = string(value[:min(len(value), 100)]) + " "
	}
	c.faults = append(c.faults, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: ", quoted, path)+fmt.Sprintf(rule, args...))
}

func (c *checker) check(s *shape, v jsontext.Value, path string) {
	wrong := func(want string) { c.add(path, v, "Member must be %s", want) }
	switch s.Type {
	case "document":
	case "boolean":
		if k := v.Kind(); k != 't' && k != 'f' {
			wrong("a boolean")
		}
	case "integer":
		n, err := strconv.ParseFloat(string(v), 64)
		switch {
		case v.Kind() != '0' || err != nil || n != float64(int64(n)):
			wrong("an integer")
		case s.Min != nil && n < float64(*s.Min):
			c.add(path, v, "Member must have value greater than or equal to %d", *s.Min)
		case s.Max != nil && n > float64(*s.Max):
			c.add(path, v, "Member must have value less than or equal to %d", *s.Max)
		}
	case "string":
		var text string
		if v.Kind() != '"' || json.Unmarshal(v, &text) != nil {
			wrong("a string")
			return
		}
		c.text(s, text, path)
	case "list":
		var list []jsontext.Value
		if v.Kind() != '[' || json.Unmarshal(v, &list) != nil {
			wrong("a list")
			return
		}
		c.length(s, len(list), path, v)
		for i, element := range list {
			c.check(s.Member, element, path+"."+strconv.Itoa(i+1)+".member")
		}
	case "map", "structure":
		var object map[string]jsontext.Value
		if v.Kind() != '{' || json.Unmarshal(v, &object) != nil {
			wrong("an object")
			return
		}
		if s.Type == "map" {
			c.length(s, len(object), path, v)
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if s.Type == "map" {
				c.text(s.Key, name, path+" (key)")
				c.check(s.Value, object[name], path+"."+name)
			} else if member, known := s.Members[name]; known {
				c.check(member, object[name], path+"."+name)
			} else {
				c.add(path+"."+name, nil, "no such member")
			}
		}
		for _, name := range s.Required {
			if _, ok := object[name]; !ok {
				c.add(path+"."+name, nil, "Member must not be null")
			}
		}
	default:
		panic("localcloud: update-managed-thing.json: unknown type " + s.Type)
	}
}

func (c *checker) text(s *shape, text, path string) {
	v := jsontext.Value(strconv.Quote(text))
	c.length(s, utf8.RuneCountInString(text), path, v)
	if s.pattern != nil && !s.pattern.MatchString(text) {
		c.add(path, v, "Member must satisfy regular expression pattern: %s", s.Pattern)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		c.add(path, v, "Member must satisfy enum value set: [%s]", strings.Join(s.Enum, ", "))
	}
}

// length checks code points of a string, elements of a list, keys of a map.
func (c *checker) length(s *shape, n int, path string, v jsontext.Value) {
	if s.Min != nil && int64(n) < *s.Min {
		c.add(path, v, "Member must have length greater than or equal to %d", *s.Min)
	}
	if s.Max != nil && int64(n) > *s.Max {
		c.add(path, v, "Member must have length less than or equal to %d", *s.Max)
	}
}
