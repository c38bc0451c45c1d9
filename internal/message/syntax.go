package message

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const ruleObject = "a JSON object"

// syntaxFinding puts into words why readObject refused text. It quotes nothing
// of the text, which may be a sensitive value: it says where to look.
func syntaxFinding(text []byte, err error) finding {
	if kind, ok := errors.AsType[notObject](err); ok {
		if isS3Pointer(text) {
			return found("", ruleUpdate, s3Pointer)
		}
		return found("", ruleObject, "expected a JSON object, got "+kindName(jsontext.Kind(kind)))
	}
	if len(bytes.TrimLeft(text, " \t\r\n")) == 0 {
		return found("", "valid JSON", "the text is empty; expected a JSON object")
	}
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return found("", "valid JSON", "the text starts with a byte order mark (U+FEFF); send UTF-8 without one")
	}
	if isUTF16(text) {
		return found("", "valid UTF-8", "the text is UTF-16; send UTF-8")
	}
	if at := invalidUTF8(text); at >= 0 {
		return found("", "valid UTF-8", "not UTF-8 at "+position(text, at))
	}
	if more, ok := errors.AsType[*trailingData](err); ok {
		return found("", "nothing after the JSON value", "more text at "+position(text, int(more.offset)+spaces(text[more.offset:])))
	}
	var pointer string
	at := len(text)
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		pointer, at = bounded(string(s.JSONPointer)), int(s.ByteOffset)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return found(pointer, "valid JSON", "the text ends in the middle of a value, after "+position(text, len(text)))
	}
	what := err.Error()
	switch {
	case strings.Contains(what, "exceeded max depth"):
		return found(pointer, "at most 10000 values deep", "nested deeper at "+position(text, at))
	case strings.Contains(what, "invalid escape sequence"), strings.Contains(what, "invalid surrogate pair"):
		return found(pointer, "valid JSON", "a \\ escape that JSON does not have, or half of a surrogate pair, at "+position(text, at))
	}
	detail := "not JSON at " + position(text, at)
	if first := bytes.TrimLeft(text, " \t\r\n")[0]; first != '{' && first != '[' && first != '"' {
		detail += ", nor the base64 of UTF-8 text"
	}
	if _, expecting, ok := strings.Cut(what, "(expecting "); ok {
		expecting, _, _ = strings.Cut(expecting, ")")
		detail += ": expected " + expecting
	}
	return found(pointer, "valid JSON", detail)
}

// position names a byte's place the way editors do, and its offset.
func position(text []byte, at int) string {
	at = min(at, len(text))
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	column := 1 + utf8.RuneCount(text[1+bytes.LastIndexByte(text[:at], '\n'):at])
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + " (byte " + strconv.Itoa(at) + ")"
}

// invalidUTF8 is the offset of the first byte that is not UTF-8; -1: none.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func spaces(text []byte) int { return len(text) - len(bytes.TrimLeft(text, " \t\r\n")) }

// duplicates finds every member that stands a second time in its object, but for
// those inside the top-level member skip, which is read as a document of its
// own. The text is known to be JSON but for these. Of many, those over MaxFaults
// are only counted.
func duplicates(text []byte, skip string) (all []finding, beyond int) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), lenient...)
	var open []map[string]struct{} // one a value not yet closed; nil for arrays
	for {
		name := len(open) > 0 && open[len(open)-1] != nil && isName(dec)
		token, err := dec.ReadToken()
		if err != nil {
			return all, beyond // io.EOF, or the syntax error that is reported beside these
		}
		switch kind := token.Kind(); {
		case kind == '{':
			open = append(open, map[string]struct{}{})
		case kind == '[':
			open = append(open, nil)
		case kind == '}', kind == ']':
			open = open[:len(open)-1]
		case name:
			names, n := open[len(open)-1], token.String()
			if _, again := names[n]; !again {
				names[n] = struct{}{}
			} else if len(all) < MaxFaults {
				all = append(all, found(bounded(string(dec.StackPointer())), "each member once", "this member stands in its object more than once"))
			} else {
				beyond++
			}
			if len(open) == 1 && n == skip && skip != "" {
				_ = dec.SkipValue() // an error comes back from the next read
			}
		}
	}
}

// isName reports whether the next token is a member's name.
func isName(dec *jsontext.Decoder) bool {
	_, length := dec.StackIndex(dec.StackDepth())
	return length%2 == 0
}
