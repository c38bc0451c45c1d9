package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// suite has every action that a worker of any test here asked for: in its worst hours,
// too, it must get along with its policy. TestPoliciesAllowWhatIsAskedAndNoMore is about
// the resources, and that nothing more is allowed.
var suite sync.Map

// programs is the folder of what the tests build.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "e2e"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(programs)
	var allowed strings.Builder
	for _, document := range []string{"worker.json", "dlq.json", "probe.json"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "iam", document))
		if err != nil {
			fmt.Println(err)
			code = 1
		}
		allowed.Write(text)
	}
	for action := range suite.Range {
		if !strings.Contains(allowed.String(), fmt.Sprintf("%q", action)) {
			fmt.Printf("FAIL: a worker asked for %s, which no document of deploy/iam allows\n", action)
			code = 1
		}
	}
	os.Exit(code)
}

// noted is next, whose requests count for the suite.
func noted(next http.RoundTripper) http.RoundTripper { return noting{next} }

type noting struct{ next http.RoundTripper }

func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	noteAction(r)
	return n.next.RoundTrip(r)
}

func noteAction(r *http.Request) {
	needs := needed(r, nil)
	for _, n := range needs {
		suite.Store(n.action, true)
	}
	if len(needs) == 0 {
		suite.Store(r.Method+" "+r.URL.Path, true)
	}
}
