package admin_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// askFor asks as one who knows the server by the host, "" for one who names none.
func askFor(t *testing.T, base, method, path, host, token string) (int, string) {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", to.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	authorization := ""
	if token != "" {
		authorization = "Authorization: Bearer " + token + "\r\n"
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.0\r\nHost: %s\r\n%s\r\n", method, path, host, authorization); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		return answer.StatusCode, "" // it does not end
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// Each asks with the Host that it really sends.
func TestWhoAsksWithoutATokenIsAnswered(t *testing.T) {
	o := options()
	o.Hosts = []string{"worker.example.com", "managed-thing-updater.things.svc"}
	base := start(t, o)
	for _, c := range []struct{ who, path, host string }{
		{"the kubelet's probe, at the pod's address", "/healthz", "10.0.3.7:8080"},
		{"the kubelet's probe, at the pod's address", "/readyz", "10.0.3.7:8080"},
		{"the kubelet's probe, IPv6", "/readyz", "[fd00:3::7]:8080"},
		{"worker health, as the health check of ECS and of the image", "/healthz", "127.0.0.1:8080"},
		{"a load balancer's health check, at the task's address", "/healthz", "10.0.3.7"},
		{"an Ingress's health check, by a name that is not set", "/healthz", "updates.example.org"},
		{"Prometheus by a PodMonitor", "/metrics", "10.0.3.7:8080"},
		{"Prometheus by a Service's name that is not set", "/metrics", "worker.monitoring.svc.cluster.local:8080"},
		{"the collector beside the worker, on ECS", "/metrics", "localhost:8080"},
		{"a browser through port-forward", "/", "localhost:8080"},
		{"a browser through port-forward", "/live/events", "localhost:8080"},
		{"a browser through port-forward to another port", "/", "127.0.0.1:9000"},
		{"a browser through port-forward, IPv6", "/", "[::1]:8080"},
		{"worker explain on the same machine", "/status/messages", "127.0.0.1:8080"},
		{"curl at the task's address", "/status", "10.0.3.7:8080"},
		{"curl, port 80", "/status", "[fd00:3::7]"},
		{"a browser through an Ingress whose name is set", "/", "worker.example.com"},
		{"the same, with the port and in other letters", "/live/events", "Worker.Example.COM:443"},
		{"the same, with the root's dot", "/status", "worker.example.com."},
		{"curl by a Service's name that is set", "/status", "managed-thing-updater.things.svc:8080"},
	} {
		want := http.StatusOK
		if c.path == "/status/messages" {
			want = http.StatusNotFound // this server remembers none
		}
		if code, body := askFor(t, base, http.MethodGet, c.path, c.host, ""); code != want {
			t.Errorf("%s: %s of %s: %d %q, want %d", c.who, c.path, c.host, code, body, want)
		}
	}
}

// A page of another site can give its own name the worker's address (DNS rebinding). Its
// browser then takes the worker for that site, and would let the page read the answers.
func TestANameThatIsNotSetReadsNothing(t *testing.T) {
	o := options()
	o.Hosts = []string{"worker.example.com"}
	base := start(t, o)
	for _, host := range []string{
		"attacker.example", "attacker.example:8080", "localhost.attacker.example", "127.0.0.1.attacker.example:8080",
		"worker.example.com.attacker.example", "example.com", "xworker.example.com", "localhost..", "localhost:8080:8080",
		"127.1", "2130706433", "0x7f000001", "[::1.attacker.example]", "",
	} {
		for _, path := range []string{"/", "/status", "/status/messages", "/live/events", "/live/page.js", "/nothing", "/healthz/", "/healthz/../status", "//metrics"} {
			code, body := askFor(t, base, http.MethodGet, path, host, "")
			if code != http.StatusMisdirectedRequest || !strings.Contains(body, "WORKER_ADMIN_HOSTS") || strings.Contains(body, "attacker") {
				t.Errorf("%s of %q: %d %q, want 421", path, host, code, body)
			}
		}
	}
	if code, _ := askFor(t, base, http.MethodPost, "/control/pause", "attacker.example", ""); code != http.StatusMisdirectedRequest {
		t.Errorf("POST: %d, want 421", code)
	}
}

// A browser has no token or cookie of ours for another site's name.
func TestWithATokenEveryNameIsGood(t *testing.T) {
	o := options()
	o.Token = "hunter2"
	base := start(t, o)
	for _, host := range []string{"attacker.example", "worker.example.com", "localhost"} {
		if code, _ := askFor(t, base, http.MethodGet, "/status", host, "hunter2"); code != http.StatusOK {
			t.Errorf("with the token, of %s: %d", host, code)
		}
		if code, _ := askFor(t, base, http.MethodGet, "/status", host, ""); code != http.StatusUnauthorized {
			t.Errorf("without the token, of %s: %d", host, code)
		}
	}
}
