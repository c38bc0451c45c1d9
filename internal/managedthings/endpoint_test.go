package managedthings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"managed-thing-updater/internal/managedthings"
)

const (
	specific = "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS"
	general  = "AWS_ENDPOINT_URL"
	ignore   = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
	fips     = "AWS_USE_FIPS_ENDPOINT"
	region   = "AWS_REGION"
)

// loaded makes a client from the SDK's settings in this environment and profile.
func loaded(t *testing.T, env map[string]string, profile string) (*managedthings.Client, error) {
	t.Helper()
	for _, name := range []string{specific, general, ignore, fips, region, "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "") // so that it is put back
		os.Unsetenv(name)
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file+"-none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for k, v := range env {
		t.Setenv(k, v)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return managedthings.New(cfg, managedthings.Options{})
}

func TestEndpointFromTheSettings(t *testing.T) {
	const profile = "[default]\nregion = eu-west-1\nendpoint_url = http://profile\nservices = mine\n"
	const services = "[services mine]\niot_managed_integrations =\n  endpoint_url = http://services\n"
	for name, c := range map[string]struct {
		env     map[string]string
		profile string
		want    string
	}{
		"the service's own":       {map[string]string{region: "ca-central-1"}, "", "https://api.iotmanagedintegrations.ca-central-1.api.aws"},
		"China":                   {map[string]string{region: "cn-north-1"}, "", "https://api.iotmanagedintegrations.cn-north-1.api.amazonwebservices.com.cn"},
		"FIPS":                    {map[string]string{region: "ca-central-1", fips: "true"}, "", "https://api.iotmanagedintegrations-fips.ca-central-1.api.aws"},
		"FIPS in the profile":     {nil, "[default]\nregion = ca-central-1\nuse_fips_endpoint = true\n", "https://api.iotmanagedintegrations-fips.ca-central-1.api.aws"},
		"specific variable first": {map[string]string{specific: "http://specific:1", general: "http://general"}, profile + services, "http://specific:1"},
		"general variable second": {map[string]string{general: "http://general"}, profile + services, "http://general"},
		"services section third":  {nil, profile + services, "http://services"},
		"profile last":            {nil, profile, "http://profile"},
		"all ignored":             {map[string]string{specific: "http://specific", general: "http://general", ignore: "true"}, profile + services, "https://api.iotmanagedintegrations.eu-west-1.api.aws"},
		"not ignored":             {map[string]string{specific: "http://specific", ignore: "false"}, profile, "http://specific"},
		"FIPS, endpoint ignored":  {map[string]string{general: "http://general", ignore: "true", fips: "true"}, profile, "https://api.iotmanagedintegrations-fips.eu-west-1.api.aws"},
		"with a path":             {map[string]string{specific: "https://proxy.example/iot/%2F?x=1#y"}, profile, "https://proxy.example/iot/%2F"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := loaded(t, c.env, c.profile)
			if err != nil {
				t.Fatal(err)
			}
			if client.Endpoint() != c.want {
				t.Errorf("endpoint %s, want %s", client.Endpoint(), c.want)
			}
		})
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"no Region":                {nil, []string{"AWS_REGION", "Region is set"}},
		"no Region, but endpoint":  {map[string]string{specific: "http://localhost"}, []string{"AWS_REGION"}},
		"Region that is none":      {map[string]string{region: "eu west/1"}, []string{"AWS_REGION", "eu west/1"}},
		"FIPS and endpoint":        {map[string]string{region: "eu-west-1", fips: "true", general: "http://general"}, []string{fips, "http://general", general}},
		"endpoint without scheme":  {map[string]string{region: "eu-west-1", specific: "localhost:4566"}, []string{specific, "localhost:4566"}},
		"endpoint of another kind": {map[string]string{region: "eu-west-1", specific: "ftp://localhost"}, []string{specific, "ftp://localhost"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loaded(t, c.env, "")
			if err == nil {
				t.Fatal("no error")
			}
			for _, word := range c.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
		})
	}
}

func TestEndpointSetInTheProgram(t *testing.T) {
	client, err := managedthings.New(aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566")}, managedthings.Options{})
	if err != nil || client.Endpoint() != "http://127.0.0.1:4566" {
		t.Errorf("client %v, error %v", client, err)
	}
}
