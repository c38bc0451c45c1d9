package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// between is the answer of something between the worker and the API.
func between(status int) *localcloud.Fault {
	return &localcloud.Fault{Status: status, Body: "{}", ContentType: "application/json"}
}

func TestAnAnswerOfSomethingInBetweenIsNamed(t *testing.T) {
	for _, code := range []int{200, 202, 302} {
		subtest(t, fmt.Sprint(code), layout{}, func(t *testing.T, r *rig) {
			heal := r.callsFail("*", between(code))
			r.sendNames("thing", 10)
			w := r.start()
			time.Sleep(time.Minute)
			_, ready := w.Ready()
			for where, text := range map[string]string{"the log": w.lines(), "/readyz": ready, "/status": w.Status().Circuit.Detail} {
				if !strings.Contains(text, "something in between answers") || !strings.Contains(text, "proxy") {
					t.Errorf("%d: %s does not say what answers:\n%s", code, where, text)
				}
			}
			heal()
			r.drained(time.Minute)
			w.stopped()
			r.wantNoLetters()
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 10})
		})
	}
}

// It is no failure of the message, even if it meets one thing alone.
func TestAnAnswerOfSomethingInBetweenDeadLettersNothing(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.callsFail("lamp", between(200))
		w := r.start()
		r.withTraffic(time.Second, func() {
			r.send(name("lamp", "new"))
			time.Sleep(20 * time.Minute)
		})
		r.wantNoLetters()
		if !strings.Contains(w.lines(), "something in between answers") {
			t.Errorf("the log does not say what answers:\n%s", w.lines())
		}
		heal()
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("lamp", "Name", `"new"`)
	})
}
