package message

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// unknownMember says that there is no such member, and which one may be meant.
func unknownMember(name string, known map[string]*jsonschema.Schema) string {
	if utf8.RuneCountInString(name) > maxQuoted {
		runes := []rune(name)
		return fmt.Sprintf("there is no member %q", string(runes[:maxQuoted])+"…")
	}
	text := fmt.Sprintf("there is no member %q here", name)
	if nearest := nearestName(name, slices.Sorted(maps.Keys(known))); nearest != "" {
		text += fmt.Sprintf("; did you mean %q?", nearest)
	}
	return text
}

// nearestName is the name that needs the fewest changes to become this one, upper
// and lower case alike; empty where none is near enough to be meant.
func nearestName(name string, names []string) string {
	best, nearest := 1+len(name)/2, ""
	for _, n := range names {
		if distance := changes(strings.ToLower(name), strings.ToLower(n)); distance < best && distance <= max(1, len(n)/4) {
			best, nearest = distance, n
		}
	}
	return nearest
}

// changes is how many letters differ; one where two that stand side by side changed
// their places, the commonest slip.
func changes(a, b string) int {
	if len(a) == len(b) {
		for i := range len(a) - 1 {
			if a[i] != b[i] {
				if a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
					return 1
				}
				break
			}
		}
	}
	return levenshtein.ComputeDistance(a, b)
}
