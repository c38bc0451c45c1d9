package observability

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// answers are what each section of the runbook has to say, in this order.
var answers = []string{"**Means.**", "**Lost.**", "**Look first.**", "**Do.**", "**Clears.**"}

// RunbookFaults are alerts that lead to no section of the runbook, or to one that leaves
// the person who is paged without an answer.
func RunbookFaults(root string) []string {
	rules, err := Rules(root)
	if err != nil {
		return []string{err.Error()}
	}
	text, err := os.ReadFile(filepath.Join(root, runbookFile))
	if err != nil {
		return []string{err.Error()}
	}
	sections := sectionsOf(string(text))
	var faults []string
	for _, r := range rules {
		if r.Alert == "" {
			continue
		}
		anchor, ok := strings.CutPrefix(r.Annotations["runbook_url"], runbookFile+"#")
		section, there := sections[anchor]
		switch {
		case !ok || !there:
			faults = append(faults, fmt.Sprintf("%s: there is no %s", r.Alert, r.Annotations["runbook_url"]))
			continue
		case !strings.Contains(section, "`"+r.Alert+"`"):
			faults = append(faults, fmt.Sprintf("%s: the section %s does not name it", r.Alert, anchor))
		}
		rest := section
		for _, a := range answers {
			_, after, found := strings.Cut(rest, a)
			if !found {
				faults = append(faults, fmt.Sprintf("%s: the section %s has no %s, or not in its place", r.Alert, anchor, a))
				break
			}
			rest = after
		}
	}
	return faults
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// sectionsOf are the sections of a Markdown text by their anchors, as GitHub and GitLab
// make those of headings.
func sectionsOf(markdown string) map[string]string {
	sections := map[string]string{}
	anchor := ""
	inCode := false
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "```") {
			inCode = !inCode
		}
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") && !inCode {
			anchor = notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			anchor = strings.ReplaceAll(anchor, " ", "-")
		}
		sections[anchor] += line
	}
	return sections
}
