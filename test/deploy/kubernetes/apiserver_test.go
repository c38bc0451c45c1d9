package kubernetes

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// cluster is a kube-apiserver with its etcd: what takes objects or refuses them, and
// nothing that acts on them.
type cluster struct {
	base   string
	token  string
	client *http.Client
}

// newCluster starts both, the API server from the program that is given.
func newCluster(t *testing.T, program string) *cluster {
	t.Helper()
	folder := t.TempDir()
	etcd, peers, server := freeAddress(t), freeAddress(t), freeAddress(t)
	start(t, folder, "etcd", "--data-dir="+filepath.Join(folder, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=http://"+etcd, "--advertise-client-urls=http://"+etcd,
		"--listen-peer-urls=http://"+peers, "--initial-advertise-peer-urls=http://"+peers, "--initial-cluster=default=http://"+peers)

	c := &cluster{base: "https://" + server, token: rand.Text()}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	accounts := filepath.Join(folder, "accounts.pem")
	write(t, accounts, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := filepath.Join(folder, "tokens.csv")
	write(t, tokens, []byte(c.token+`,prover,prover,"system:masters"`+"\n"))
	certificates := filepath.Join(folder, "certificates")
	host, port, _ := strings.Cut(server, ":")
	start(t, folder, program, "--etcd-servers=http://"+etcd, "--bind-address="+host, "--secure-port="+port, "--cert-dir="+certificates,
		"--token-auth-file="+tokens, "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+accounts, "--service-account-signing-key-file="+accounts)

	c.until(t, "the API server is ready", func() bool {
		own, err := os.ReadFile(filepath.Join(certificates, "apiserver.crt"))
		if err != nil {
			return false
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(own)
		c.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
		answer, err := c.ask(http.MethodGet, "/readyz", "", nil)
		return err == nil && answer.status == http.StatusOK
	})
	return c
}

// start runs a program until the test has ended, and shows the end of what it said
// where the test has failed.
func start(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	said, err := os.Create(filepath.Join(folder, filepath.Base(program)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		_ = said.Close()
		if text, err := os.ReadFile(said.Name()); t.Failed() && err == nil {
			t.Logf("%s: …%s", program, text[max(0, len(text)-4000):])
		}
	})
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within three minutes: %s", what)
		}
	}
}

// answer is what the API server says to a request.
type answer struct {
	status   int
	warnings []string
	body     []byte
}

// fault is why the request was refused, or what it was warned of.
func (a answer) fault() string {
	if a.status >= 300 {
		var s struct{ Message string }
		if err := json.Unmarshal(a.body, &s); err != nil || s.Message == "" {
			s.Message = string(a.body)
		}
		return fmt.Sprintf("%d: %s", a.status, s.Message)
	}
	return strings.Join(a.warnings, "; ")
}

func (c *cluster) ask(method, path, contentType string, body []byte) (answer, error) {
	request, err := http.NewRequest(method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Values("Warning"), text}, err
}

// apply is "kubectl apply --server-side --validate=strict", with --dry-run=server where
// dry is true.
func (c *cluster) apply(o Object, dry bool) string {
	group := "/apis/" + text(o, "apiVersion")
	if !strings.Contains(text(o, "apiVersion"), "/") {
		group = "/api/" + text(o, "apiVersion")
	}
	offered, err := c.ask(http.MethodGet, group, "", nil)
	if err != nil {
		return err.Error()
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	if offered.status != http.StatusOK {
		return fmt.Sprintf("there is no %s", text(o, "apiVersion"))
	}
	if err := json.Unmarshal(offered.body, &list); err != nil {
		return err.Error()
	}
	for _, r := range list.Resources {
		if r.Kind != text(o, "kind") || strings.Contains(r.Name, "/") {
			continue
		}
		path := group
		if r.Namespaced {
			path += "/namespaces/" + text(o, "metadata", "namespace")
		}
		path += "/" + r.Name + "/" + text(o, "metadata", "name") + "?fieldManager=prover&force=true&fieldValidation=Strict"
		if dry {
			path += "&dryRun=All"
		}
		body, err := yaml.Marshal(o)
		if err != nil {
			return err.Error()
		}
		given, err := c.ask(http.MethodPatch, path, "application/apply-patch+yaml", body)
		if err != nil {
			return err.Error()
		}
		return given.fault()
	}
	return fmt.Sprintf("%s has no kind %s", text(o, "apiVersion"), text(o, "kind"))
}
