package e2e

import (
	"net/http"
	"testing"
	"time"
)

// The names that an operator gives are those that the admin address answers to.
func TestTheAdminAddressAnswersToTheNamesThatAreSet(t *testing.T) {
	inRealTime(t)
	r := newRig(t, layout{})
	r.cfg.AdminAddr, r.cfg.AdminHosts, r.cfg.WaitTime = "127.0.0.1:0", []string{"worker.example.com"}, time.Second
	w := r.start()
	r.until("it has started", patience, func() bool { return w.logs.FilterMessage("started").Len() == 1 })
	addr := w.logs.FilterMessage("started").All()[0].ContextMap()["admin"].(string)
	for host, want := range map[string]int{addr: 200, "localhost": 200, "worker.example.com": 200, "attacker.example": 421} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host, request.Close = host, true
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("/status of %s: %d, want %d", host, answer.StatusCode, want)
		}
	}
	w.stopped()
}
