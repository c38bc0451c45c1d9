package message

import (
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// pattern is a pattern of the schema in the words of ECMA-262, as JSON Schema
// wants it, run by RE2.
type pattern struct {
	*regexp.Regexp
	text string

	// ascii are the ASCII characters of a pattern that is one class, repeated, or
	// that and one character of a second class somewhere; nil for every other. Most
	// texts are found to match by it, at a small part of the cost.
	ascii *[128]bool
	some  *[128]bool // at least one of these; nil: may be empty
}

func (p pattern) String() string { return p.text }

// MatchString implements jsonschema.Regexp.
func (p pattern) MatchString(s string) bool {
	if p.ascii == nil {
		return p.Regexp.MatchString(s)
	}
	some := p.some == nil
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 128:
			return p.Regexp.MatchString(s)
		case !p.ascii[c]:
			return false
		}
		some = some || p.some[c]
	}
	return some
}

var unicodeEscape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)

func compilePattern(text string) (jsonschema.Regexp, error) {
	goText := unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	re, err := regexp.Compile(goText)
	if err != nil {
		return nil, err
	}
	p := pattern{Regexp: re, text: text}
	p.ascii, p.some = asciiClass(goText)
	return p, nil
}

// asciiClass takes apart a pattern of the form ^[…]*$, ^[…]+$ or ^[…]*[…][…]*$,
// where both repeated classes of the last are one and contain the one between.
func asciiClass(text string) (all, some *[128]bool) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat {
		return nil, nil
	}
	last := len(re.Sub) - 1
	if last < 2 || re.Sub[0].Op != syntax.OpBeginText || re.Sub[last].Op != syntax.OpEndText {
		return nil, nil
	}
	switch inner := re.Sub[1:last]; {
	case len(inner) == 1 && isRepeated(inner[0], syntax.OpStar):
		return charactersOf(inner[0].Sub[0]), nil
	case len(inner) == 1 && isRepeated(inner[0], syntax.OpPlus):
		all = charactersOf(inner[0].Sub[0])
		return all, all
	case len(inner) == 3 && isRepeated(inner[0], syntax.OpStar) && inner[1].Op == syntax.OpCharClass && inner[2].Equal(inner[0]):
		all, some = charactersOf(inner[0].Sub[0]), charactersOf(inner[1])
		for c := range some {
			if some[c] && !all[c] {
				return nil, nil
			}
		}
		return all, some
	}
	return nil, nil
}

func isRepeated(re *syntax.Regexp, op syntax.Op) bool {
	return re.Op == op && re.Sub[0].Op == syntax.OpCharClass
}

// charactersOf are the ASCII characters of a class.
func charactersOf(re *syntax.Regexp) *[128]bool {
	class := new([128]bool)
	for runes := re.Rune; len(runes) > 0; runes = runes[2:] { // pairs of first and last
		for c := runes[0]; c <= min(runes[1], 127); c++ {
			class[c] = true
		}
	}
	return class
}
