// Package docs_test holds what the documents say of the code against the code.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
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
	funcName = regexp.MustCompile(`^(\w+\.)?\w+$`)
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

// TestAMessageCanBeFollowed fails if a function is gone from the file that "Follow one
// message" names before it.
func TestAMessageCanBeFollowed(t *testing.T) {
	_, section, found := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Follow one message\n")
	if !found {
		t.Fatal("ARCHITECTURE.md has no section Follow one message")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	file, named := "", 0
	functions := map[string]bool{}
	for _, m := range code.FindAllStringSubmatch(section, -1) {
		name := m[1]
		if strings.HasSuffix(name, ".go") {
			file = "internal/" + name
			functions = functionsOf(t, file)
			continue
		}
		if !funcName.MatchString(name) {
			t.Errorf("%q in Follow one message is neither a file nor a function", name)
			continue
		}
		named++
		if !functions[name] {
			t.Errorf("Follow one message names %s in %s, which has no such function", name, file)
		}
	}
	if named < 20 {
		t.Errorf("only %d functions found in Follow one message: is it read as it is written?", named)
	}
}

// TestWhatIsToBeChangedIsThere fails if nothing is declared under a name that "Where to
// change what" sends the reader to.
func TestWhatIsToBeChangedIsThere(t *testing.T) {
	_, section, found := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Where to change what\n")
	if !found {
		t.Fatal("ARCHITECTURE.md has no section Where to change what")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	declared := declaredNames(t)
	named := 0
	for _, m := range code.FindAllStringSubmatch(section, -1) {
		name := strings.TrimSuffix(m[1], "()")
		if !funcName.MatchString(name) || strings.HasSuffix(name, ".go") || testName.MatchString(name) {
			continue
		}
		named++
		if !declared[name] {
			t.Errorf("Where to change what names %s, which is declared nowhere", name)
		}
	}
	if named < 12 {
		t.Errorf("only %d names found in Where to change what: is it read as it is written?", named)
	}
}

// TestWhatTheMakefileNamesIsThere fails if a test is gone that the Makefile runs in
// another way than the rest: it would be run as they are, or not at all.
func TestWhatTheMakefileNamesIsThere(t *testing.T) {
	text := read(t, "Makefile")
	tests := testsOf(t)
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t([A-Z]\w+)(?: \\)?$`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	_, standins, _ := strings.Cut(text, "STANDIN_TESTS := ^Test(")
	standins, _, _ = strings.Cut(standins, ")")
	for _, name := range append(names, strings.Split(standins, "|")...) {
		if !tests["Test"+name] {
			t.Errorf("the Makefile names Test%s, and there is no such test", name)
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d tests found in the Makefile: is it read as it is written?", len(names))
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

// functionsOf are a file's functions, methods and the methods of its interfaces: by
// name, and by TYPE.NAME.
func functionsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("Follow one message names %s: %v", file, err)
		return out
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			out[n.Name.Name] = true
			if n.Recv != nil {
				out[receiver(n.Recv.List[0].Type)+"."+n.Name.Name] = true
			}
			return false
		case *ast.TypeSpec:
			contract, ok := n.Type.(*ast.InterfaceType)
			if !ok {
				return true
			}
			for _, method := range contract.Methods.List {
				for _, name := range method.Names {
					out[name.Name], out[n.Name.Name+"."+name.Name] = true, true
				}
			}
		}
		return true
	})
	return out
}

// declaredNames are the worker's packages and what they declare outside of functions: by
// name, by PACKAGE.NAME and, of methods, by TYPE.NAME.
func declaredNames(t *testing.T) map[string]bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^(?:func (?:\(\w+ \*?(\w+)\) )?|type |var |const )(\w+)`)
	out := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		pkg := filepath.Base(filepath.Dir(path))
		out[pkg] = true
		for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
			out[m[2]], out[pkg+"."+m[2]], out[m[1]+"."+m[2]] = true, true, true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
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
