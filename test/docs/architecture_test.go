// Package docs_test holds what the documents say of the code against the code.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

var (
	code     = regexp.MustCompile("`([^`]+)`")
	path     = regexp.MustCompile(`^(cmd|deploy|docs|internal|test|tools)/[\w./-]+$`)
	testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]\w*$`)
)

// TestWhatArchitectureNamesIsThere fails if a file, a folder or a test that
// ARCHITECTURE.md names is gone.
func TestWhatArchitectureNamesIsThere(t *testing.T) {
	text := read(t, "ARCHITECTURE.md")
	tests := testsOf(t)
	named := 0
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		switch name := strings.TrimSuffix(m[1], "/"); {
		case path.MatchString(name):
			named++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("ARCHITECTURE.md names %s, which is not there", name)
			}
		case testName.MatchString(name):
			named++
			if !tests[name] {
				t.Errorf("ARCHITECTURE.md names %s, and there is no such test", name)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d files and tests found in ARCHITECTURE.md: is it read as it is written?", named)
	}
}

// read is the text of a document, without its blocks of code.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(b), "")
}

// testsOf are the names of all tests of the module, subtests left out.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	out := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			out[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
