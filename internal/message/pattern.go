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

	// ascii are the ASCII characters of a pattern that is one class, repeated;
	// nil for every other. Most texts are found to match by it, at a small part of
	// the cost.
	ascii *[128]bool
	some  bool // at least one of them
}

func (p pattern) String() string { return p.text }

// MatchString implements jsonschema.Regexp.
func (p pattern) MatchString(s string) bool {
	if p.ascii == nil {
		return p.Regexp.MatchString(s)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 128:
			return p.Regexp.MatchString(s)
		case !p.ascii[c]:
			return false
		}
	}
	return !p.some || s != ""
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

// asciiClass takes apart a pattern of the form ^[…]*$ or ^[…]+$.
func asciiClass(text string) (class *[128]bool, some bool) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || len(re.Sub) != 3 || re.Sub[0].Op != syntax.OpBeginText || re.Sub[2].Op != syntax.OpEndText {
		return nil, false
	}
	repeat := re.Sub[1]
	if repeat.Op != syntax.OpStar && repeat.Op != syntax.OpPlus || repeat.Sub[0].Op != syntax.OpCharClass {
		return nil, false
	}
	class = new([128]bool)
	for runes := repeat.Sub[0].Rune; len(runes) > 0; runes = runes[2:] { // pairs of first and last
		for c := runes[0]; c <= min(runes[1], 127); c++ {
			class[c] = true
		}
	}
	return class, repeat.Op == syntax.OpPlus
}
