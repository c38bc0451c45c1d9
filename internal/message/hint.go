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
		distance := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(n))
		if distance < best && distance <= max(2, len(n)/3) {
			best, nearest = distance, n
		}
	}
	return nearest
}
