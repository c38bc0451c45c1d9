package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestEveryMetricIsDocumented keeps docs/metrics.md complete, and with nothing in it
// that there is no more.
func TestEveryMetricIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(rest, "`")
			name, _, _ = strings.Cut(name, "{")
			documented[name] = strings.HasPrefix(name, "worker_") || strings.HasPrefix(name, "messaging_") // the others are spans
		}
	}
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		time.Sleep(time.Second)
		families, err := w.Metrics().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			name := family.GetName()
			if strings.HasPrefix(name, "worker_") || strings.HasPrefix(name, "messaging_") {
				if !documented[name] {
					t.Errorf("%s is not in docs/metrics.md: %s", name, family.GetHelp())
				}
				delete(documented, name)
			}
		}
		w.stopped()
	})
	for name, metric := range documented {
		if metric {
			t.Errorf("docs/metrics.md has %s, the worker has not", name)
		}
	}
}
