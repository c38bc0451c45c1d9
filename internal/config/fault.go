package config

import (
	"fmt"
	"slices"
	"strings"
)

// Error is every wrong setting at once. The worker exits 2 on it.
type Error struct {
	Faults []Fault // at least one
}

// Fault is one wrong setting.
type Fault struct {
	Name   string // of the environment variable
	Source Source
	Value  string // masked; empty: it is not set, or a secret
	Rule   string // what is allowed, and the way out
}

func (e *Error) Error() string {
	var b strings.Builder
	if len(e.Faults) == 1 {
		b.WriteString("a setting is wrong:")
	} else {
		fmt.Fprintf(&b, "%d settings are wrong:", len(e.Faults))
	}
	for _, f := range e.Faults {
		b.WriteString("\n  " + f.String())
	}
	return b.String()
}

// Only returns an error that holds the faults of one setting, or nil where it has
// none.
func (e *Error) Only(setting string) error {
	other := func(f Fault) bool { return f.Name != setting }
	faults := slices.DeleteFunc(slices.Clone(e.Faults), other)
	if len(faults) == 0 {
		return nil
	}
	return &Error{Faults: faults}
}

// String says what is wrong in one line.
func (f Fault) String() string {
	text := f.Name
	if f.Value != "" {
		text += fmt.Sprintf(" = %q (%s)", f.Value, f.Source)
	}
	return text + ": " + f.Rule
}

func (s Setting) fault(source Source, text, rule string) Fault {
	f := Fault{Name: s.Name, Source: source, Rule: rule}
	if !s.Secret {
		f.Value = mask(text)
	}
	return f
}

// maxShown is how many bytes of a wrong value are shown.
const maxShown = 120

// mask hides what may be a credential in a value that was not understood: the
// user part and the query of what looks like a URL. A long value is cut.
func mask(text string) string {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		scheme, rest = "", text
	}
	if scheme == "redis" || scheme == "rediss" {
		return scheme + "://…" // what is not written as it must be may be a password anywhere
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = "…" + rest[at:]
	}
	if isURL {
		if query := strings.IndexAny(rest, "?#"); query >= 0 {
			rest = rest[:query+1] + "…"
		}
		rest = scheme + "://" + rest
	}
	if len(rest) > maxShown {
		rest = strings.ToValidUTF8(rest[:maxShown], "") + "…"
	}
	return rest
}
