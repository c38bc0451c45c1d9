package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"managed-thing-updater/internal/printable"
)

// maxQuoted is the most characters of a value, or of a name, that a fault quotes.
const maxQuoted = 64

// place is the path of what was read last.
func (c *checker) place() []string {
	path := slices.Clone(c.path)
	if c.member != nil {
		path = append(path, c.member.Name)
	}
	if c.dec != nil {
		path = slices.AppendSeq(path, c.dec.StackPointer().Tokens())
	}
	return path
}

func (c *checker) add(path []string, rule string, detail func() string) {
	c.findings = append(c.findings, finding{pointerTo(path...), rule, detail})
}

// breaks says that the value that was read last breaks a rule.
func (c *checker) breaks(rule string, raw []byte) {
	path := c.place()
	c.add(path, rule, func() string { return describe(raw, slices.ContainsFunc(path, IsSensitive)) })
}

// mistyped says that the value that was read last is of a kind that is not allowed.
func (c *checker) mistyped(raw []byte, s *jsonschema.Schema) {
	rule := oneOfKinds(s.Types.ToStrings())
	if kindOf(raw) != 'n' {
		c.breaks(rule, raw)
		return
	}
	c.add(c.place(), "no null", func() string {
		return "null where " + rule + " belongs; leave the member out (null means absent only at the top level)"
	})
}

// brokenBy lists the rules that a text breaks, each in words.
func brokenBy(text string, s *jsonschema.Schema) (rules []string) {
	if s.Enum != nil && !slices.Contains(s.Enum.Values, any(text)) {
		return []string{oneOf(s.Enum.Values)}
	}
	if s.MinLength != nil || s.MaxLength != nil {
		if outside(utf8.RuneCountInString(text), s.MinLength, s.MaxLength) {
			rules = append(rules, "length "+between(s.MinLength, s.MaxLength))
		}
	}
	if s.Pattern != nil && !s.Pattern.MatchString(text) {
		rules = append(rules, "pattern "+s.Pattern.String())
	}
	return rules
}

func oneOf(values []any) string {
	var words []string
	for _, v := range values {
		if text, ok := v.(string); ok {
			words = append(words, text)
		}
	}
	return "one of " + strings.Join(words, ", ")
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

// describe says what a value is: its kind and size, and the value itself if it is
// short and not sensitive.
func describe(raw []byte, sensitive bool) string {
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
		return "got an array of " + printable.Count(lengthOf(raw), "item")
	case '{':
		return "got an object of " + printable.Count(lengthOf(raw), "member")
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
