package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// runsOnOneProcessor checks what internal/app/processors.go says.
func runsOnOneProcessor(t *testing.T, program string) {
	for _, c := range []struct{ setting, processors string }{{"GOMAXPROCS=", "1"}, {"GOMAXPROCS=0", "1"}, {"GOMAXPROCS=3", "3"}} {
		s := newServer(t, program, layout{})
		p := s.start(c.setting, "WORKER_ADMIN_ADDR=127.0.0.1:0")
		var admin string
		s.eventually("it says where it listens", 20*time.Second, func() (said bool) {
			_, after, _ := strings.Cut(p.stderr.String(), `"admin":"`)
			admin, _, said = strings.Cut(after, `"`)
			return said
		})
		answer, err := http.Get("http://" + admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := "\ngo_sched_gomaxprocs_threads " + c.processors + "\n"; err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: /metrics does not say %q (%v)", c.setting, want, err)
		}
		s.ends(p)
	}
}
