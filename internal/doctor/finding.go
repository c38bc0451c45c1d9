package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"managed-thing-updater/internal/printable"
)

// Severity is how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Wrong   Severity = "wrong"   // the worker cannot do its work, or messages or values may get lost
	Warning Severity = "warning" // it works, at a price or at a risk
	Note    Severity = "note"    // nothing is wrong: what cannot be told from here, and where to look
)

var severities = []Severity{Wrong, Warning, Note}

// Finding is one thing that a person should know.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Why      string   `json:"why"` // it matters
	Fix      string   `json:"fix"` // to be done as it stands
}

// Report is what an examination found.
type Report struct {
	Region          string    `json:"region"`
	Queue           string    `json:"queue"`
	DeadLetterQueue string    `json:"dead_letter_queue"` // empty where none was found
	Checks          []string  `json:"checks"`
	Findings        []Finding `json:"findings"` // worst first
}

// Problems are the findings without the notes.
func (r Report) Problems() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Severity == Note })
}

func (r Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
}

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Region              %s\n", printable.Line(cmp.Or(r.Region, "none")))
	fmt.Fprintf(&b, "source queue        %s\n", printable.Line(r.Queue))
	fmt.Fprintf(&b, "dead-letter queue   %s\n", printable.Line(cmp.Or(r.DeadLetterQueue, "none found")))
	count := map[Severity]int{}
	for _, f := range r.Findings {
		count[f.Severity]++
		fmt.Fprintf(&b, "\n%s  %s\n  %s\n", strings.ToUpper(string(f.Severity)), f.Check, printable.Error(f.What))
		if f.Why != "" {
			fmt.Fprintf(&b, "  why: %s\n", printable.Error(f.Why))
		}
		label := "fix"
		if f.Severity == Note {
			label = "do" // there is nothing to fix
		}
		if f.Fix != "" {
			fmt.Fprintf(&b, "  %s: %s\n", label, printable.Error(f.Fix))
		}
	}
	fmt.Fprintf(&b, "\n%d checks: %d wrong, %s, %s\n", len(r.Checks), count[Wrong], printable.Count(count[Warning], "warning"), printable.Count(count[Note], "note"))
	if count[Wrong] > 0 {
		b.WriteString("What is WRONG can hide more, since what depends on it cannot be looked at: run worker doctor again once it is put right.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes the report for a program.
func (r Report) JSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(r)
}

func wrong(what, why, fix string) []Finding   { return []Finding{{"", Wrong, what, why, fix}} }
func warning(what, why, fix string) []Finding { return []Finding{{"", Warning, what, why, fix}} }
func note(what, why, fix string) []Finding    { return []Finding{{"", Note, what, why, fix}} }
