// Package printable makes text from outside (a message, a queue, the API, a store)
// fit for a terminal, a log and a page.
//
// A terminal acts upon escape sequences, a bell or a line break, and a person is
// misled by marks that change the direction of writing. So every character that is
// not plainly visible is written as JSON writes it, \u001b: the C0 and C1 controls,
// DEL, marks of direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), the
// separators U+2028 and U+2029, every other invisible character of Unicode, and
// \ufffd for bytes that are no UTF-8. Inside a JSON string that is the same value.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is text with everything escaped that is not visible. Line breaks stay.
func Text(text string) string {
	return escape(text, func(r rune) bool { return r == '\n' || visible(r) })
}

// Line is Text with line breaks escaped too, for what stands in a line with other text.
func Line(text string) string { return escape(text, visible) }

// Error is the text of an error, or of an answer, as a line: errors that were joined
// have a line each, and get a semicolon.
func Error(text string) string {
	return Line(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// visible leaves U+FFFD out: it is what ranging over a string makes of a bad byte.
func visible(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }

func escape(text string, keep func(rune) bool) string {
	if strings.IndexFunc(text, func(r rune) bool { return !keep(r) }) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case keep(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// Cut is text, or as much of it as fits into so many bytes, with "…" behind.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Count is a number of things: "1 letter", "2 letters".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Writer escapes, as Text does, all that is written through it: a second line of
// defence behind those who print. Each Write must hold whole characters.
type Writer struct{ Out io.Writer }

// Write implements io.Writer.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Out, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
