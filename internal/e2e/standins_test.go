package e2e

import (
	"slices"
	"testing"

	"managed-thing-updater/internal/standin"
)

// A case runs the worker between one stand-in for SQS and the local cloud's API.
type standInCase struct {
	name   string
	run    func(o *outside, t *testing.T)
	layout outsideLayout
	cannot map[string]string // stand-ins that cannot serve it, and why
}

// TestStandIns runs the worker over the network against SQS as others understand
// it: our own stand-in could share a misunderstanding with the worker. Real time
// and real sockets, so these are few.
func TestStandIns(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(wrappingCases, letterCases, leaseCases, fifoCases, loadCases, doctorCases)
	for _, s := range []standin.Kind{standin.Fauxqs(), standin.Moto()} {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			endpoint := s.ForTest(t)
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					if why, ok := c.cannot[s.Name]; ok {
						t.Skipf("%s cannot serve this: %s", s.Name, why)
					}
					inRealTime(t)
					c.run(newOutside(t, s.Name, endpoint, c.layout), t)
				})
			}
		})
	}
}
