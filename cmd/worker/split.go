package main

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// entry is one message of a file.
type entry struct {
	line int // of its start, from 1
	body string
}

// lenient reads JSON for its shape only; what is wrong in it message.Decode says.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// split finds the messages of a file: the whole of it, or one a line. A file is
// one message where it is one JSON value, or base64 of one. Else it holds one a
// line where its first line is a JSON value, or every line looks like the start
// of a message. Else it is one message that is broken.
func split(content string) []entry {
	var byLine []entry
	alike := true
	for i, line := range strings.Split(content, "\n") {
		if body := strings.TrimSpace(line); body != "" {
			byLine = append(byLine, entry{line: i + 1, body: body})
			alike = alike && (body[0] == '{' || isBase64(body))
		}
	}
	if len(byLine) < 2 {
		return byLine
	}
	if !oneValue(content) && (isJSON(byLine[0].body) || alike) {
		return byLine
	}
	before := content[:len(content)-len(strings.TrimLeft(content, " \t\r\n"))]
	return []entry{{line: lines(before) + 1, body: strings.TrimSpace(content)}}
}

func oneValue(content string) bool {
	if isJSON(content) {
		return true
	}
	text := base64Text(content)
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	return err == nil && isJSON(string(decoded))
}

func isJSON(text string) bool { return jsontext.Value(text).IsValid(lenient...) }

func isBase64(text string) bool {
	_, err := base64.RawStdEncoding.DecodeString(base64Text(text))
	return err == nil
}

// base64Text brings both alphabets, with and without padding, to the standard
// one without.
func base64Text(text string) string {
	text = strings.Join(strings.Fields(text), "")
	return strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
}

// lineOf is how many lines below its start the place that pointer names is in a
// body, or the place where it stops being JSON; 0 where there is neither.
func lineOf(body, pointer string) int {
	tokens := jsontext.NewDecoder(strings.NewReader(body), lenient...)
	for {
		_, err := tokens.ReadToken()
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return lines(body[:min(max(0, int(syntax.ByteOffset)), len(body))])
		}
		if err != nil {
			return 0
		}
		// A member's name comes with the pointer of its value.
		if pointer != "" && string(tokens.StackPointer()) == pointer {
			return lines(body[:tokens.InputOffset()])
		}
	}
}
