package status

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Scripts read /status: no name goes, and none gets another type.
func TestTheNamesOfTheStatusAreAnInterface(t *testing.T) {
	want, err := os.ReadFile("testdata/status.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names("", reflect.TypeFor[Status]()), "\n") + "\n"; got != string(want) {
		t.Errorf("/status is now:\n%s", got)
	}
}

// names are those of a value in JSON, one a line, in their order, each with its type; a ?
// stands behind those that may be absent.
func names(name string, of reflect.Type) (all []string) {
	switch {
	case of.Kind() == reflect.Pointer:
		return names(name, of.Elem())
	case of == reflect.TypeFor[time.Time]():
		return []string{name + " time"}
	case of.Kind() == reflect.Slice:
		return names(name+"[]", of.Elem())
	case of.Kind() == reflect.Map:
		return names(name+"{}", of.Elem())
	case of.Kind() != reflect.Struct:
		return []string{fmt.Sprint(name, " ", of.Kind())}
	}
	for field := range of.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == "-" {
			continue
		}
		if options == "omitempty" {
			tag += "?"
		}
		all = append(all, names(strings.TrimPrefix(name+"."+tag, "."), field.Type)...)
	}
	return all
}
