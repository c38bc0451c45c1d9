package standin

import (
	"os"
	"testing"
)

// Require is the variable that makes a missing stand-in a failure. So does CI=true.
const Require = "E2E_REQUIRE_STANDINS"

// ForTest returns the URL of a server that runs until the end of the test. Where
// it is missing the test is skipped, or fails where Require says so.
func (k Kind) ForTest(t testing.TB) string {
	t.Helper()
	switch {
	case k.Missing == "":
	case os.Getenv("CI") == "true" || os.Getenv(Require) == "1":
		t.Fatalf("%s: %s", k.Missing, k.Install)
	default:
		t.Skipf("%s: %s", k.Missing, k.Install)
	}
	s, err := k.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.URL
}
