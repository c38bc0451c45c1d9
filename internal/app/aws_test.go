package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"managed-thing-updater/internal/awshttp"
)

// TestAProxyIsNotAskedForCredentials dials none of the addresses it speaks of:
// all connections end at a server of its own. (The client of EC2's metadata service makes
// a dialer of its own and is left out; its proxy is that of the same base.) It runs in a process of its own, since
// net/http reads the proxy's variables once.
func TestAProxyIsNotAskedForCredentials(t *testing.T) {
	if address := os.Getenv("APP_TEST_AGENT"); address != "" {
		printKey(t, address)
		return
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.IsAbs() {
			t.Errorf("%s %s came through a proxy", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"AccessKeyId":"KEY-OF-THE-AGENT","SecretAccessKey":"s","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer agent.Close()
	for source, setting := range map[string]string{
		"ECS":                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x",
		"EKS Pod Identity":       "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials",
		"EKS Pod Identity, IPv6": "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[fd00:ec2::23]/v1/credentials",
	} {
		t.Run(source, func(t *testing.T) {
			p := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAProxyIsNotAskedForCredentials$", "-test.v")
			p.Env = []string{
				"HOME=" + t.TempDir(), "AWS_REGION=eu-west-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + filepath.Join(t.TempDir(), "none"), setting,
				"HTTP_PROXY=http://proxy.example:3128", "HTTPS_PROXY=http://proxy.example:3128",
				"APP_TEST_AGENT=" + agent.Listener.Addr().String(),
			}
			out, err := p.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "KEY-OF-THE-AGENT") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// printKey has the worker's own way to credentials end at the agent, whatever it dials.
func printKey(t *testing.T, agent string) {
	base := awshttp.Base().WithTransportOptions(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			fmt.Println("dialled", address)
			return new(net.Dialer).DialContext(ctx, network, agent)
		}
	})
	cfg, err := loadWith(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	found, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(found.AccessKeyID)
}

func TestTheMetadataServiceIsAskedByTheSameClient(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	asked := 0
	cfg, err := loadWith(t.Context(), awshttp.Base().WithTransportOptions(func(tr *http.Transport) {
		tr.Proxy = func(*http.Request) (*url.URL, error) { asked++; return nil, nil }
	}))
	if err != nil {
		t.Fatal(err)
	}
	// imds.NewFromConfig takes this client over, its proxy included.
	client, ok := cfg.HTTPClient.(*sdkhttp.BuildableClient)
	if !ok {
		t.Fatalf("the configuration's client is %T", cfg.HTTPClient)
	}
	if _, err := client.GetTransport().Proxy(httptest.NewRequest(http.MethodGet, "http://169.254.169.254/", nil)); err != nil || asked != 1 {
		t.Errorf("the proxy of the configuration's client is another: %v", err)
	}
}
