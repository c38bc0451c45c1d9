package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// runsOnOneProcessor checks what internal/app/processors.go says.
func runsOnOneProcessor(t *testing.T, program string) {
	for _, c := range []struct{ setting, processors string }{{"GOMAXPROCS=", "1"}, {"GOMAXPROCS=3", "3"}} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free.Close()
		s := newServer(t, program, layout{})
		p := s.start(c.setting, "WORKER_ADMIN_ADDR="+free.Addr().String())
		line := ""
		s.eventually("it answers on /metrics", 20*time.Second, func() bool {
			answer, err := http.Get("http://" + free.Addr().String() + "/metrics")
			if err != nil {
				return false
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			_, after, found := strings.Cut(string(text), "\ngo_sched_gomaxprocs_threads ")
			line, _, _ = strings.Cut(after, "\n")
			return err == nil && found
		})
		if line != c.processors {
			t.Errorf("%s: it uses %s processors, want %s", c.setting, line, c.processors)
		}
		s.ends(p)
	}
}
