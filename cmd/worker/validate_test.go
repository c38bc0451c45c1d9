package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	const a, b = `{"Identifier":"a"}`, `{"Identifier":"b"}`
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, test := range map[string]struct {
		content string
		want    []entry
	}{
		"nothing":                  {" \n\n", nil},
		"one":                      {a, []entry{{1, a}}},
		"one, pretty":              {"\n{\n \"Identifier\": \"a\"\n}\n", []entry{{2, "{\n \"Identifier\": \"a\"\n}"}}},
		"one, pretty and broken":   {"{\n \"Identifier\" \"a\"\n}\n", []entry{{1, "{\n \"Identifier\" \"a\"\n}"}}},
		"one a line":               {a + "\r\n\n" + b + "\n", []entry{{1, a}, {3, b}}},
		"one a line, first broken": {`{"Identifier":"a",}` + "\n" + b, []entry{{1, `{"Identifier":"a",}`}, {2, b}}},
		"one a line, other broken": {a + "\nhello, world", []entry{{1, a}, {2, "hello, world"}}},
		"base64 over two lines":    {encode(a)[:10] + "\n" + encode(a)[10:], []entry{{1, encode(a)[:10] + "\n" + encode(a)[10:]}}},
		"base64 a line":            {encode(a) + "\n" + encode(b), []entry{{1, encode(a)}, {2, encode(b)}}},
		"base64 and plain":         {encode(a) + "\n" + b, []entry{{1, encode(a)}, {2, b}}},
	} {
		if got := split(test.content); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestLineOf(t *testing.T) {
	const body = "{\n \"a\": {\n  \"b~/c\": [1,\n   2]\n },\n \"d\"\n:\n 1\n}"
	for pointer, want := range map[string]int{"": 0, "/a": 1, "/a/b~0~1c": 2, "/a/b~0~1c/0": 2, "/a/b~0~1c/1": 3, "/d": 5, "/none": 0} {
		if got := lineOf(body, pointer); got != want {
			t.Errorf("%s: line %d, want %d", pointer, got, want)
		}
	}
	if got := lineOf("{\n\"a\": 1\n\"b\": 2\n}", ""); got != 2 {
		t.Errorf("broken JSON: line %d", got)
	}
}

func TestValidateGood(t *testing.T) {
	f := newFixture()
	f.stdin = strings.NewReader(`{"Identifier":"lamp","Name":"Hall light"}` + "\n" +
		`{"Type":"Notification","MessageId":"1","Timestamp":"2026-01-01T00:00:00.000Z","Message":"{\"Identifier\":\"lamp\"}"}` + "\n")
	if code := f.run(t, "validate"); code != 0 || f.out.String() != "2 messages, nothing wrong\n" || f.err.Len() > 0 {
		t.Errorf("%d %q %q", code, f.out.String(), f.err.String())
	}
}

func TestValidateBad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(file, []byte("{\n  \"Identifier\": \"lamp\",\n  \"Nam\": \"x\",\n  \"SerialNumber\": \"hunter2!\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFixture()
	f.stdin = strings.NewReader(`{"Identifier":"lamp"}` + "\n" + `{"Name":"x"}` + "\n")
	if code := f.run(t, "validate", file, "-"); code != 1 || f.err.Len() > 0 {
		t.Errorf("%d %q", code, f.err.String())
	}
	text := f.out.String()
	for _, part := range []string{file + ":3: /Nam: ", file + ":4: /SerialNumber: ", "stdin:2: ", "Identifier", "3 messages, 2 wrong, 3 faults\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a sensitive value is shown:\n%s", text)
	}
}

func TestValidateNothing(t *testing.T) {
	f := newFixture()
	if code := f.run(t, "validate"); code != 1 || !strings.Contains(f.out.String(), "stdin: it holds no message") {
		t.Errorf("%d %q", code, f.out.String())
	}
}
