package standin

import (
	"os"
	"os/exec"
	"testing"
)

// Require is the variable that makes a missing stand-in a failure. So does CI=true.
const Require = "E2E_REQUIRE_STANDINS"

// ForTest returns the URL of a server that runs until the end of the test. Where
// it is missing the test is skipped, or fails where Require says so.
func (k Kind) ForTest(t testing.TB) string {
	t.Helper()
	if k.Missing != "" {
		missing(t, k.Missing, k.Install)
	}
	s, err := k.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.URL
}

// NeedCommand skips the test, or fails it where Require says so, if there is no
// such command.
func NeedCommand(t testing.TB, name, install string) {
	t.Helper()
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
