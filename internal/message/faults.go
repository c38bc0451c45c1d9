package message

import (
	"slices"
	"strconv"
	"strings"

	"managed-thing-updater/internal/printable"
)

// MaxFaults is how many faults of a message are told apart; one more says how
// many there are beyond them.
const MaxFaults = 50

// maxPointer bounds a pointer's bytes: names in it are the producer's and may be
// of any length.
const maxPointer = 256

// finding is a fault on its way: its detail is put into words only if it is
// among the first MaxFaults, since a hostile body can have a hundred thousand.
type finding struct {
	pointer string
	rule    string
	detail  func() string
}

func found(pointer, rule, detail string) finding {
	return finding{pointer, rule, func() string { return detail }}
}

// faults collects what is wrong with a message, document by document.
type faults struct {
	list   []Fault
	beyond int // found, but over MaxFaults
}

// add takes what is wrong with the document inside these wrappings.
func (f *faults) add(wrappings []string, findings []finding) {
	slices.SortStableFunc(findings, func(a, b finding) int {
		if c := strings.Compare(a.pointer, b.pointer); c != 0 {
			return c
		}
		return strings.Compare(a.rule, b.rule)
	})
	room := min(len(findings), MaxFaults-len(f.list))
	for _, x := range findings[:room] {
		f.list = append(f.list, Fault{
			Pointer: x.pointer, In: strings.Join(wrappings, " > "), Rule: x.rule, Detail: x.detail(),
		})
	}
	f.beyond += len(findings) - room
}

// all returns the faults, nil where there are none.
func (f *faults) all() []Fault {
	if f.beyond == 0 {
		return f.list
	}
	return append(f.list, Fault{Rule: "no faults", Detail: "and " + printable.Count(f.beyond, "more fault") + ", not listed"})
}

// Place says where the fault is, in words and fit for a terminal.
func (f Fault) Place() string {
	pointer := printable.Text(f.Pointer)
	switch {
	case f.In == "" && pointer == "":
		return "the whole message"
	case f.In == "":
		return pointer
	case pointer == "":
		return "inside " + f.In
	}
	return f.In + ": " + pointer
}

// InShort names the first of the faults, and says how many there are.
func InShort(faults []Fault) string {
	text := faults[0].Place() + ": " + faults[0].Rule
	switch n := len(faults); {
	case n > MaxFaults:
		text += " (the first of more than " + strconv.Itoa(MaxFaults) + " faults)"
	case n > 1:
		text += " (the first of " + strconv.Itoa(n) + " faults)"
	}
	return text
}

// sensitive are the members that the API's model marks so.
var sensitive = []string{"Owner", "SerialNumber", "Brand", "Model", "Classification"}

// IsSensitive reports whether the API's model marks this member of the request
// as sensitive: its value leaves the worker in a call and in a dead letter's
// body, and in nothing else.
func IsSensitive(member string) bool { return slices.Contains(sensitive, member) }

// pointerTo is the JSON Pointer (RFC 6901) of a place, bounded, and cut behind
// the name of a sensitive member: names inside its value are part of the value.
func pointerTo(path ...string) string {
	var b strings.Builder
	for _, token := range path {
		b.WriteByte('/')
		b.WriteString(escapeToken.Replace(printable.Cut(token, maxPointer)))
		if IsSensitive(token) || b.Len() > maxPointer {
			break
		}
	}
	return printable.Cut(b.String(), maxPointer)
}

var (
	escapeToken   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapeToken = strings.NewReplacer("~1", "/", "~0", "~")
)

// bounded treats a ready-made JSON Pointer as pointerTo treats a path.
func bounded(pointer string) string {
	if pointer == "" {
		return ""
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, token := range tokens {
		tokens[i] = unescapeToken.Replace(token)
	}
	return pointerTo(tokens...)
}
