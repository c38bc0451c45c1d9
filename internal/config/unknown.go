package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// serviceLink matches the variables that Kubernetes and Docker put into every
// container for a service whose name starts with "worker".
var serviceLink = regexp.MustCompile(`^WORKER_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// maxTypos is how many letters a name may differ by to be offered as what was
// meant.
const maxTypos = 4

// Warnings names each variable of environ ("NAME=value", as os.Environ gives
// them) that starts with WORKER_ and is no setting, with the setting that was
// probably meant. Values are not looked at.
func Warnings(environ []string) []string {
	var warnings []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		known := slices.ContainsFunc(Settings, func(s Setting) bool { return s.Name == name })
		if known || !strings.HasPrefix(name, prefix) || serviceLink.MatchString(name) {
			continue
		}
		warning := fmt.Sprintf("%s is no setting of the worker and has no effect", name)
		if meant := nearest(name); meant != "" {
			warning += "; did you mean " + meant + "?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

func nearest(name string) string {
	best, distance := "", maxTypos+1
	for _, s := range Settings {
		if d := levenshtein.ComputeDistance(name, s.Name); d < distance {
			best, distance = s.Name, d
		}
	}
	return best
}
