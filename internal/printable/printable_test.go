package printable_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"managed-thing-updater/internal/printable"
)

func TestWhatATerminalWouldActUponIsEscaped(t *testing.T) {
	var never []rune
	for _, span := range [][2]rune{{0, 0x1f}, {0x7f, 0x9f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xe0001, 0xe0001}} {
		for r := span[0]; r <= span[1]; r++ {
			never = append(never, r)
		}
	}
	for _, r := range never {
		line := printable.Line("a" + string(r) + "b")
		if strings.ContainsRune(line, r) || !strings.HasPrefix(line, `a\u`) {
			t.Errorf("U+%04X comes out in %q", r, line)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+line+`"`), &back); err != nil || back != "a"+string(r)+"b" {
			t.Errorf("U+%04X is %q as a JSON string: %q, %v", r, line, back, err)
		}
		if text := printable.Text("a" + string(r) + "b"); text != line && r != '\n' {
			t.Errorf("U+%04X: Text says %q", r, text)
		}
	}
	if got := printable.Text("two\nlines"); got != "two\nlines" {
		t.Errorf("got %q", got)
	}
	if got := printable.Line("bad \xff\xc3 bytes"); got != `bad \ufffd\ufffd bytes` {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsVisibleStaysAsItIs(t *testing.T) {
	for _, text := range []string{"", "plain", "Küche 台所 кухня مطبخ", "💡 on", "a\\u001b"} {
		if got := printable.Line(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestAWriterEscapes(t *testing.T) {
	var out strings.Builder
	n, err := fmt.Fprint(printable.Writer{Out: &out}, "a\x1b[31m\nb")
	if err != nil || n != 8 || out.String() != "a\\u001b[31m\nb" {
		t.Errorf("%d, %v: %q", n, err, out.String())
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b[31m\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		line := printable.Line(text)
		if !utf8.ValidString(line) || printable.Line(line) != line {
			t.Errorf("%q became %q", text, line)
		}
	})
}

func TestCountsAndCuts(t *testing.T) {
	for n, want := range map[int]string{0: "0 letters", 1: "1 letter", 2: "2 letters"} {
		if got := printable.Count(n, "letter"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for _, c := range []struct{ text, want string }{{"", ""}, {"abcd", "abcd"}, {"abcde", "abcd…"}, {"abcé", "abc…"}} {
		if got := printable.Cut(c.text, 4); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
