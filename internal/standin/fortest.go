package standin

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Require is the variable that makes a missing stand-in a failure. So does CI=true.
const Require = "E2E_REQUIRE_STANDINS"

// Tests is the variable with a regular expression of the tests that need a stand-in.
// With -short they are skipped, since they are run by themselves, by that expression.
const Tests = "STANDIN_TESTS"

// LeaveOut skips a test that needs a stand-in if -short says so. ForTest and
// NeedCommand do it too, so it is for a test that has much to do before.
func LeaveOut(t testing.TB) {
	t.Helper()
	if !testing.Short() {
		return
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	if own, err := regexp.Compile(os.Getenv(Tests)); err != nil || !own.MatchString(name) {
		t.Fatalf("needs a stand-in, and is not among %s of the Makefile: it would be run nowhere", Tests)
	}
	t.Skip("needs a stand-in: make test-stand-ins")
}

// ForTest returns the URL of a server that runs until the end of the test. If
// it is missing the test is skipped, or fails if Require says so. The last that the server
// said is logged if the test fails.
func (k Kind) ForTest(t testing.TB) string {
	t.Helper()
	LeaveOut(t)
	if k.Missing != "" {
		missing(t, k.Missing, k.Install)
	}
	s, err := k.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the last that %s said:\n%s", k.Name, s.Said())
		}
	})
	return s.URL
}

// NeedCommand skips the test, or fails it if Require says so, if there is no
// such command.
func NeedCommand(t testing.TB, name, install string) {
	t.Helper()
	LeaveOut(t)
	if _, err := exec.LookPath(name); err != nil {
		missing(t, "no "+name+" command", install)
	}
}

func missing(t testing.TB, what, install string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv(Require) == "1" {
		t.Fatalf("%s: %s", what, install)
	}
	t.Skipf("%s: %s", what, install)
}
